"""The card of a version, from the ledger, its artifacts and what it does on its own kept rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from boxwatch.errors import ModelError, StoreError, UsageError
from boxwatch.features import VIEWS
from boxwatch.lifecycle import Evidence
from boxwatch.lifecycle.intervals import wilson
from boxwatch.reports import Card, CardFaults, CardGate, CardPart
from boxwatch.settings import Settings
from boxwatch.store import Layout, Ledger, RoleChange, Run, load_model
from boxwatch.wiring.detector_task import LEARNED, alarm_level
from boxwatch.wiring.model_evidence import (
    Rows,
    by_strength,
    flat,
    kept_rows,
    ledger_of,
    measured,
)

_LIMITS: Final = (
    "It judges what its views describe; known failures in lines, and lines that are new, missing "
    "or too many, are found by other parts that no version changes.",
    f"It did not learn from the last {1 - LEARNED:.0%} of its windows: the gates judge by them.",
    "Injected faults move one reading at a time and at once: a lower bound of sense, no promise of "
    "what is found among real faults.",
    "A p-value claims no more than the held-out history could have shown; of a machine that was "
    "watched for a day, nobody knows the weekly rhythm.",
    "What was wrong all the time while it learned, and nobody called an incident, is usual to it.",
    "Watching goes on learning from what is watched: its own later models are not this version.",
)


def model_card(settings: Settings, data: Path, version: int | None) -> Card:
    """The card of `version`; None = of the champion.

    Raises:
        UsageError: there is no such version, or no champion.
    """
    with ledger_of(data) as ledger:
        number = ledger.holder("champion") if version is None else version
        if number is None:
            raise UsageError("No version is in use.", hint="Name one: `boxwatch models card v1`.")
        run = ledger.version(number)
        asked = next((one for one in ledger.changes() if _about(one, number)), None)
        role = _role(ledger, number)
    rows, evidence, unmeasured = _evidence(settings, data, run)
    found = by_strength(evidence)
    missed = [(case, share) for case, share in evidence.quality.items() if share < 1.0]
    return Card(
        version=f"v{number}",
        facts={
            "standing": role,
            "trained": f"{run.began:%Y-%m-%d %H:%M} UTC",
            "by": f"Boxwatch {run.recipe.get('code', 'unknown')}",
            "false alarms accepted": f"{settings.detections.false_alarms_per_host_week:g} per host "
            "and week, shared by all views",
        },
        data=_data(run),
        recipe=flat({key: one for key, one in run.recipe.items() if key != "code"}),
        parts=_parts(settings, data, run, rows),
        gates=() if asked is None else tuple(map(_gate, asked.decision.evidence)),
        asked="" if asked is None else _asked(asked),
        faults=tuple(
            CardFaults(view, strength, hits, of, *wilson(hits, of))
            for (view, strength), (hits, of) in sorted(found.items(), key=_by_strength)
        ),
        missed=tuple(sorted(missed, key=lambda one: (one[1], one[0]))),
        unmeasured=(*unmeasured, *evidence.unmeasured),
        excluded=tuple(run.selection.get("excluded", ())),
        limits=(*_LIMITS, *_without(run)),
    )


def _evidence(
    settings: Settings, data: Path, run: Run
) -> tuple[Rows | None, Evidence, tuple[str, ...]]:
    """Its rows, what it does on them, and why nothing can be measured where that is so."""
    try:
        rows = kept_rows(data, run)
        return rows, measured(settings, data, run, rows), ()
    except (StoreError, ModelError) as error:
        return None, Evidence(), (error.message,)


def _about(change: RoleChange, version: int) -> bool:
    return change.version == version and bool(change.decision.evidence)


def _role(ledger: Ledger, version: int) -> str:
    if ledger.holder("champion") == version:
        return "in use (champion)"
    if ledger.holder("challenger") == version:
        return "challenger"
    held = [one for one in ledger.changes() if one.done and one.version == version]
    return "was in use before" if held else "never in use"


def _data(run: Run) -> dict[str, str]:
    chosen = run.selection
    rows = run.outcome.get("figures", {}).get("training_rows", {})
    return {
        "from": str(chosen.get("start", "unknown")),
        "to": str(chosen.get("end", "unknown")),
        "hosts": ", ".join(chosen.get("hosts", ())),
        **{f"{view} windows": f"{count:,}" for view, count in rows.items()},
        **{
            f"{view} windows left out": f"{count:,}"
            for view, count in chosen.get("excluded_windows", {}).items()
            if count
        },
        **{f"{view} rows kept as": name for view, name in chosen.get("rows", {}).items()},
    }


def _parts(settings: Settings, data: Path, run: Run, rows: Rows | None) -> tuple[CardPart, ...]:
    found = []
    for view in (name for name in run.parts if name in VIEWS):
        try:
            meta: Any = load_model(Layout(data).models, run.parts[view]).meta
        except StoreError:
            continue
        level = None
        if rows is not None and view in rows:
            level = alarm_level(settings, VIEWS[view], rows[view])
        names = tuple(key.removeprefix("detector.") for key in meta if key.startswith("detector."))
        found.append(CardPart(view, meta["windows"], len(meta["entities"]), names, level))
    return tuple(found)


def _gate(record: Any) -> CardGate:  # noqa: ANN401 - a verdict as the ledger holds it
    known = record.get("data") or {}
    interval = f"{known['low']:.3g} to {known['high']:.3g}" if {"low", "high"} <= {*known} else ""
    value, limit = (
        f"{one:.4g}" if isinstance(one, float) else str(one)
        for one in (record["value"], record["limit"])
    )
    return CardGate(record["gate"], record["passed"], value, limit, interval, record["text"])


def _asked(change: RoleChange) -> str:
    done = "let through" if change.done else "refused"
    return f"Asked {change.at:%Y-%m-%d %H:%M} UTC by {change.decision.by}: {done}."


def _without(run: Run) -> list[str]:
    missing = [name for name in VIEWS if name not in run.parts]
    return [f"It has no model of these views: {', '.join(missing)}."] if missing else []


def _by_strength(item: tuple[tuple[str, str], tuple[int, int]]) -> tuple[str, float]:
    (view, strength), _ = item
    return view, float(strength)
