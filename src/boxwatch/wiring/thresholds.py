"""`detect --explain-threshold`: where the thresholds in use come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxwatch.detections import IN_A_ROW, Threshold, member_thresholds
from boxwatch.errors import UsageError
from boxwatch.features import VIEWS
from boxwatch.live import take_up
from boxwatch.models import WEEK_SECONDS
from boxwatch.settings import Settings
from boxwatch.store import EventStore, StateStore
from boxwatch.wiring.watching import pipeline


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The budget of a host, its parts, and what follows for each entity.

    The budget is shared by `views`, and in a view by the entities that its host has.
    """

    false_alarms_per_host_week: float
    hosts: int
    views: tuple[str, ...]
    entities: tuple[Threshold, ...]


def explain_thresholds(settings: Settings, data: Path) -> Thresholds:
    """The thresholds as the last checkpoint of `data` has them; nothing is judged or changed.

    Raises:
        UsageError: nothing has been judged there yet.
    """
    EventStore.open(data, writable=False).close()  # a folder that is not there is not made
    judging = pipeline(settings, data)
    with StateStore.open(data) as state:
        taken = take_up(state, judging)
    levels = judging.episodes.levels()
    if not taken or not levels:
        raise UsageError(
            f"Nothing in {str(data)!r} has been judged by a model yet: there are no thresholds.",
            hint="Run `boxwatch detect` first, or `boxwatch up` for a minute.",
        )
    budget = settings.detections.false_alarms_per_host_week
    found = []
    for level in levels:
        model = judging.scorers[level.view].model
        found.append(
            Threshold(
                host=level.host,
                view=level.view,
                entity=level.entity,
                entities_on_host=level.entities,
                false_alarms_per_week=budget / len(VIEWS) / level.entities,
                windows_per_week=WEEK_SECONDS / VIEWS[level.view].window_s,
                in_a_row=IN_A_ROW,
                p_value=level.p_value,
                model=None if model is None else model.version,
                detectors=() if model is None else member_thresholds(model, level.host, level),
            )
        )
    hosts = len({level.host for level in levels})
    return Thresholds(budget, hosts, tuple(VIEWS), tuple(found))
