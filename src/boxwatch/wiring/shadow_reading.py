"""What a watcher's checkpoint tells of the challenger in its shadow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from boxwatch.detections import Kind
from boxwatch.incidents import Incident, Opinion
from boxwatch.lifecycle import Occasion, Shadowed
from boxwatch.live import SHADOW_STAGE
from boxwatch.models import WEEK_SECONDS
from boxwatch.store import StateStore


@dataclass(frozen=True, slots=True)
class InShadow:
    """Which version was seen beside the champion for how long, and what was seen."""

    version: int
    seconds: float
    seen: Shadowed


def read_shadow(data: Path) -> InShadow | None:
    """What the last checkpoint says; None where nobody was in the shadow.

    Wrong, for all we know, was what a person labelled real, and what something other than scores
    of windows found too, unless a person said that nothing was.
    """
    with StateStore.open(data) as store:
        checkpoint = store.load_checkpoint()
        if checkpoint is None or SHADOW_STAGE not in checkpoint.stages:
            return None
        told: dict[str, Any] | None = json.loads(checkpoint.stages[SHADOW_STAGE])
        if told is None:
            return None
        if told["began"] is None:
            return InShadow(told["version"], 0.0, Shadowed(0.0, 0, [], [], []))
        began = datetime.fromisoformat(told["began"])
        incidents = store.incidents(since=began)
    seen = Shadowed(
        weeks=told["host_seconds"] / WEEK_SECONDS,
        windows=told["windows"],
        challenger=_occasions(told["challenger"]),
        champion=_occasions(told["champion"]),
        wrong=[Occasion(one.host, one.start, one.end) for one in incidents if _surely_wrong(one)],
    )
    lasted = datetime.fromisoformat(told["until"]) - began
    return InShadow(told["version"], lasted.total_seconds(), seen)


def _occasions(alarms: list[dict[str, str]]) -> list[Occasion]:
    return [
        Occasion(
            one["host"], datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])
        )
        for one in alarms
    ]


def _surely_wrong(incident: Incident) -> bool:
    if incident.opinion is not None:
        return incident.opinion is Opinion.REAL
    return any(found.kind is not Kind.UNUSUAL for found in incident.detections)
