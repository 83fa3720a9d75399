"""Two versions side by side: recipes, data, gates, and what both do on the same kept rows.

The rows are those of the later version, and of them the last tenth: neither learned from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from boxwatch.errors import ModelError, StoreError, UsageError
from boxwatch.lifecycle import Evidence
from boxwatch.lifecycle.intervals import mean_of_differences, poisson_low, wilson
from boxwatch.settings import Settings
from boxwatch.store import Ledger, Run
from boxwatch.wiring.model_evidence import by_strength, flat, kept_rows, ledger_of, measured

_LONG: Final = frozenset({"features", "excluded", "rows"})  # of a selection: shown elsewhere


@dataclass(frozen=True, slots=True)
class Side:
    """One thing of both versions; `same` is whether they agree."""

    what: str
    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side.

    Attributes:
        first: The one, such as `v6`.
        second: The other.
        judged_by: Whose rows both were measured on.
        recipe: Settings, those that differ first.
        data: What each learned from.
        gates: What the gates said of each last.
        scores: Measured on the same rows, with bounds of 95 %.
        quality: The second's mean quality less the first's over the same cases, with its bounds.
        unmeasured: What could not be measured, and why.
    """

    first: str
    second: str
    judged_by: str
    recipe: tuple[Side, ...]
    data: tuple[Side, ...]
    gates: tuple[Side, ...]
    scores: tuple[Side, ...]
    quality: str
    unmeasured: tuple[str, ...]


def compare_versions(settings: Settings, data: Path, first: int, second: int) -> Comparison:
    """Hold `second` against `first`.

    Raises:
        UsageError: there is no such version, or both are one.
    """
    if first == second:
        raise UsageError(f"v{first} and v{second} are one version.", hint="Name two.")
    with ledger_of(data) as ledger:
        runs = (ledger.version(first), ledger.version(second))
        gates = (_verdicts(ledger, first), _verdicts(ledger, second))
    scores: tuple[Side, ...] = ()
    quality = "unknown"
    unmeasured: tuple[str, ...] = ()
    later = max(runs, key=lambda run: run.version or 0)
    try:
        rows = kept_rows(data, later)
        one, other = (measured(settings, data, run, rows) for run in runs)
        scores, quality = _scores(one, other), _difference(one, other)
        unmeasured = tuple(dict.fromkeys((*one.unmeasured, *other.unmeasured)))
    except (StoreError, ModelError) as error:
        unmeasured = (error.message,)
    return Comparison(
        first=f"v{first}",
        second=f"v{second}",
        judged_by=f"the last tenth of the rows of v{later.version}, which neither learned from",
        recipe=_sides(flat(runs[0].recipe), flat(runs[1].recipe)),
        data=_sides(_data(runs[0]), _data(runs[1])),
        gates=_sides(*gates),
        scores=scores,
        quality=quality,
        unmeasured=unmeasured,
    )


def _sides(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Side, ...]:
    """All keys of both, those that differ first."""
    keys = dict.fromkeys([*first, *second])
    sides = [
        Side(
            key, first.get(key, "none"), second.get(key, "none"), first.get(key) == second.get(key)
        )
        for key in keys
    ]
    return tuple(sorted(sides, key=lambda one: one.same))


def _data(run: Run) -> dict[str, str]:
    chosen = {key: one for key, one in run.selection.items() if key not in _LONG}
    chosen["incidents left out"] = len(run.selection.get("excluded", ()))
    return {
        **flat(chosen),
        **flat({"windows": run.outcome.get("figures", {}).get("training_rows", {})}),
        **flat({"rows kept as": run.selection.get("rows", {})}),
    }


def _verdicts(ledger: Ledger, version: int) -> dict[str, str]:
    """What the gates said of it last, by gate; several verdicts of one gate in one text."""
    for change in ledger.changes():
        if change.version == version and change.decision.evidence:
            told: dict[str, str] = {}
            for one in change.decision.evidence:
                text = f"{'passed' if one['passed'] else 'REFUSED'}: {one['text']}"
                told[one["gate"]] = f"{told[one['gate']]}; {text}" if one["gate"] in told else text
            return told
    return {}


def _scores(one: Evidence, other: Evidence) -> tuple[Side, ...]:
    found = [by_strength(evidence) for evidence in (one, other)]
    names = sorted({*found[0], *found[1]}, key=lambda key: (key[0], float(key[1])))
    told: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for mine, counts, evidence in zip(told, found, (one, other), strict=True):
        for view, strength in names:
            hits, of = counts.get((view, strength), (0, 0))
            low, high = wilson(hits, of)
            text = f"{hits} of {of} ({low:.2f} to {high:.2f})" if of else "not measured"
            mine[f"found: {view}, {strength} deviations"] = text
        mine.update(_figures(evidence))
    return tuple(
        Side(key, told[0][key], told[1][key], told[0][key] == told[1][key]) for key in told[0]
    )


def _figures(evidence: Evidence) -> dict[str, str]:
    weeks, count = evidence.normal_weeks, evidence.false_alarms
    rate = f"{count} in {weeks:.2f} host weeks"
    if weeks > 0.0:
        rate += f" (at least {poisson_low(count) / weeks:.2f} a week)"
    above, seconds, size = evidence.strange_above, evidence.row_seconds, evidence.bytes_at_rest
    return {
        "false alarms": rate,
        "strange above normal": _number(above, "{:.2%} of pairs"),
        "processor time": _number(None if seconds is None else seconds * 1e6, "{:.1f} us a row"),
        "size": _number(None if size is None else size / 1e6, "{:.2f} MB"),
    }


def _difference(one: Evidence, other: Evidence) -> str:
    cases = sorted({*one.quality} & {*other.quality})
    if not cases:
        return "no case was measured of both"
    by: Any = np.array([other.quality[case] - one.quality[case] for case in cases])
    low, high = mean_of_differences(by, seed=0)
    return f"{by.mean():+.3f} over {len(cases)} cases (95 %: {low:+.3f} to {high:+.3f})"


def _number(value: float | None, form: str) -> str:
    return "unknown" if value is None else form.format(value)
