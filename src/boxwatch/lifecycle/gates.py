"""The gates: what a version must show before it may be champion.

Each gate is a function of the candidate's evidence, the champion's and the limits; it returns a
verdict with the value, the limit and the numbers behind them. What a task does not measure is no
gate of its kind, except where a detector without it would be blind trust: see each gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from boxwatch.lifecycle.evidence import Evidence
from boxwatch.lifecycle.intervals import mean_of_differences, poisson_low, wilson
from boxwatch.lifecycle.mistaken import mistaken_columns


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gates ask for.

    Attributes:
        worse: How much below the champion's the mean quality may lie, at the bound of its interval.
        false_alarms_per_week: The budget of one host.
        found: The least share of injected faults, by class.
        strange_above: The least share of pairs in which the strange row scores higher.
        accuracy: Of a classifier.
        slower: How many times the champion's processor time.
        larger: How many times the champion's size.
        row_seconds: Without a champion: processor time a row.
        bytes_at_rest: Without a champion.
    """

    worse: float = 0.02
    false_alarms_per_week: float = 1.0
    found: float = 0.9
    strange_above: float = 0.99
    accuracy: float = 0.85
    slower: float = 3.0
    larger: float = 4.0
    row_seconds: float = 2e-3
    bytes_at_rest: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate says: `text` names the cause, `data` are the numbers behind it."""

    gate: str
    passed: bool
    value: float | str
    limit: float | str
    text: str
    data: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


Gate = Callable[[Evidence, Evidence | None, Limits], Iterator[Verdict]]


def check(candidate: Evidence, champion: Evidence | None, limits: Limits) -> list[Verdict]:
    """The verdicts of all gates; the version may be promoted if all passed.

    Args:
        candidate: Of the version that wants to be champion.
        champion: Of the present one, measured on the same cases; None = there is none.
        limits: What is asked for.
    """
    return [verdict for gate in GATES for verdict in gate(candidate, champion, limits)]


def _measured(candidate: Evidence, champion: Evidence | None, _: Limits) -> Iterator[Verdict]:
    """What could not be measured is no proof; only where nobody is champion must that do."""
    missing = candidate.unmeasured
    if missing:
        text = f"not measured: {'; '.join(missing)}"
        yield Verdict("measured", champion is None, len(missing), 0, text, {})


def _schema(candidate: Evidence, champion: Evidence | None, _: Limits) -> Iterator[Verdict]:
    """The features, by part and in order, are those that rows come with."""
    for part, features in candidate.features.items():
        wanted = None if champion is None else champion.features.get(part)
        same = wanted is None or wanted == features
        gone = [] if wanted is None else sorted({*wanted} - {*features})
        new = [] if wanted is None else sorted({*features} - {*wanted})
        text = f"{part}: {len(features)} features as before"
        if wanted is None:
            text = f"{part}: {len(features)} features, nothing to compare with"
        elif not same:
            text = (
                f"{part}: features gone {gone}, new {new}"
                if gone or new
                else (f"{part}: the same features in another order")
            )
        data = {"gone": gone, "new": new}
        yield Verdict("schema", same, len(features), len(wanted or features), text, data)


def _columns(candidate: Evidence, champion: Evidence | None, _: Limits) -> Iterator[Verdict]:
    """No feature was learned from another feature's values."""
    for part, profile in candidate.learned.items():
        before = None if champion is None else champion.learned.get(part)
        if before is None:
            continue
        taken = mistaken_columns(before, profile)
        text = f"{part}: each feature looks like itself"
        if taken:
            pairs = ", ".join(f"{name!r} looks like {other!r}" for name, other in taken.items())
            text = f"{part}: columns swapped: {pairs}"
        yield Verdict("columns", not taken, len(taken), 0, text, {"mistaken": taken})


def _clean_rows(candidate: Evidence, _: Evidence | None, __: Limits) -> Iterator[Verdict]:
    """Nothing was learned from time that was flagged or that nobody has labelled."""
    dirty = candidate.contaminated
    text = f"{candidate.rows} rows, none from flagged or unlabelled incident time"
    if dirty > 0:
        text = f"trained on faulty time: {dirty} of {candidate.rows} rows lie in incidents"
    data = {"rows": candidate.rows}
    yield Verdict("clean rows", dirty == 0, dirty, 0, text, data)


def _orientation(candidate: Evidence, _: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """Rows that are far out score higher than normal ones."""
    above = candidate.strange_above
    if above is None:
        return
    passed = above >= limits.strange_above
    text = f"strange rows score higher than normal ones in {above:.1%} of pairs"
    if above < 0.5:
        text = f"scores are reversed: {text}"
    yield Verdict("orientation", passed, above, limits.strange_above, text, {})


def _quality(candidate: Evidence, champion: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """Not below the champion: the whole interval of the difference must say so."""
    if champion is None or not candidate.quality:
        return
    cases = sorted({*candidate.quality} & {*champion.quality})
    differences = np.array([candidate.quality[one] - champion.quality[one] for one in cases])
    low, high = mean_of_differences(differences, seed=0)
    mean = float(differences.mean()) if cases else 0.0
    text = (
        f"quality {mean:+.3f} against the champion on {len(cases)} cases "
        f"(95 %: {low:+.3f} to {high:+.3f})"
    )
    data = {
        "low": low,
        "high": high,
        "cases": len(cases),
        "worse": [one for one, by in zip(cases, differences.tolist(), strict=True) if by < 0.0],
    }
    passed = bool(cases) and low >= -limits.worse
    yield Verdict("quality", passed, mean, -limits.worse, text, data)


def _budget(candidate: Evidence, _: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """The rate of false alarms is not surely above the budget."""
    weeks = candidate.normal_weeks
    if weeks <= 0.0:
        return
    rate = candidate.false_alarms / weeks
    low = poisson_low(candidate.false_alarms) / weeks
    text = (
        f"{candidate.false_alarms} false alarms in {weeks:.2f} normal host weeks "
        f"(at least {low:.2f} a week)"
    )
    passed = low <= limits.false_alarms_per_week
    data = {"false_alarms": candidate.false_alarms, "weeks": weeks, "low": low}
    yield Verdict("budget", passed, rate, limits.false_alarms_per_week, text, data)


def _faults(candidate: Evidence, champion: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """Of each class of injected fault enough is found: the limit, or as much as the champion."""
    for kind, (hits, trials) in sorted(candidate.found.items()):
        share = hits / trials if trials > 0 else 0.0
        low, high = wilson(hits, trials)
        before = None if champion is None else champion.found.get(kind)
        as_before = before is not None and before[1] == trials and hits >= before[0]
        passed = share >= limits.found or as_before
        text = f"{kind}: {hits} of {trials} injected faults found (95 %: {low:.2f} to {high:.2f})"
        data = {"found": hits, "injected": trials, "low": low, "high": high}
        yield Verdict(f"faults: {kind}", passed, share, limits.found, text, data)


def _accuracy(candidate: Evidence, _: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """The plain threshold of classifiers."""
    if candidate.accuracy is not None:
        passed = candidate.accuracy >= limits.accuracy
        text = f"accuracy {candidate.accuracy:.3f} on held-out rows"
        yield Verdict("accuracy", passed, candidate.accuracy, limits.accuracy, text, {})


def _speed(candidate: Evidence, champion: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """Not several times slower than the champion beside it."""
    mine = candidate.row_seconds
    if mine is None:
        return
    theirs = None if champion is None else champion.row_seconds
    limit = limits.row_seconds if theirs is None else limits.slower * theirs
    ratio = "" if theirs is None else f", {mine / max(theirs, 1e-12):.1f} times the champion's"
    text = f"{mine * 1e6:.1f} us of processor time a row{ratio}"
    yield Verdict("speed", mine <= limit, mine, limit, text, {"champion": theirs})


def _size(candidate: Evidence, champion: Evidence | None, limits: Limits) -> Iterator[Verdict]:
    """Not several times larger than the champion."""
    mine = candidate.bytes_at_rest
    if mine is None:
        return
    theirs = None if champion is None else champion.bytes_at_rest
    limit = limits.bytes_at_rest if theirs is None else int(limits.larger * theirs)
    text = f"{mine / 1e6:.2f} MB at rest"
    yield Verdict("size", mine <= limit, mine, limit, text, {"champion": theirs})


def _reproducible(candidate: Evidence, _: Evidence | None, __: Limits) -> Iterator[Verdict]:
    """Trained again from the same selection and recipe, it is the same to the last bit."""
    if candidate.again is None:
        return
    other = sorted(
        part for part, name in candidate.artifacts.items() if candidate.again.get(part) != name
    )
    text = "trained again, the same models came out"
    if other:
        text = f"trained again, other models came out: {', '.join(other)}"
    yield Verdict("reproducible", not other, len(other), 0, text, {"other": other})


GATES: Final[tuple[Gate, ...]] = (
    _measured,
    _schema,
    _columns,
    _clean_rows,
    _orientation,
    _quality,
    _budget,
    _faults,
    _accuracy,
    _speed,
    _size,
    _reproducible,
)
