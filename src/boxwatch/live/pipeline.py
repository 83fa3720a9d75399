"""The one path from a batch of events to incidents: live, in replay, in recovery, in backfill.

A pipeline is a pure function of the batches it has been given, in their order. `save` returns all
of its state; a pipeline loaded from it goes on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from boxwatch.detections import (
    Detection,
    Episodes,
    Expected,
    NoveltyWatch,
    SilenceWatch,
    ViewScorer,
)
from boxwatch.detections.known import KnownFailures, Override
from boxwatch.detections.logs import Learning, LogWatch
from boxwatch.detections.slow import SlowLooks
from boxwatch.detections.view_model import ViewModel
from boxwatch.events import Events
from boxwatch.events.masks import Mask
from boxwatch.features import VIEWS, WindowBuilder
from boxwatch.features.service import service_name
from boxwatch.incidents import Grouper, Incident
from boxwatch.live.clocks import Clocks
from boxwatch.live.shadow import Shadow
from boxwatch.live.steps import steps
from boxwatch.models import threshold


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may set about the pipeline; the defaults are the product's."""

    interval_s: float = 1.0
    baseline_s: float = 30.0
    false_alarms_per_host_week: float = 1.0
    seed: int = 0
    courses: bool = False
    lateness_s: float = 1.0
    masks: Sequence[Mask] = ()
    rules: Mapping[str, Override] = field(default_factory=dict)
    learning: Learning = field(default_factory=Learning)
    keep_champions: bool = False  # a model that was trained judges until another one is


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one batch led to. `incidents` are those that changed."""

    windows: dict[str, pl.DataFrame]
    scores: pl.DataFrame
    detections: list[Detection]
    incidents: list[Incident]


class Pipeline:
    """Events in, incidents out.

    Args:
        options: What a person set.
        models: Models trained before, by view; the other views learn a baseline first.
    """

    def __init__(
        self, options: Options | None = None, models: Mapping[str, ViewModel] | None = None
    ) -> None:
        options = Options() if options is None else options
        trained = {} if models is None else models
        self.options = options
        self.clocks = Clocks()
        self.windows = WindowBuilder(
            interval_s=options.interval_s, lateness_s=options.lateness_s, masks=options.masks
        )
        self.scorers = {
            name: ViewScorer(
                view,
                baseline_s=options.baseline_s,
                seed=options.seed,
                courses=options.courses,
                model=trained.get(name),
                kept=options.keep_champions,
            )
            for name, view in VIEWS.items()
        }
        alpha = {
            name: threshold(
                options.false_alarms_per_host_week, view.window_s, 1.0, 1.0 / len(VIEWS)
            )
            for name, view in VIEWS.items()
        }
        self.episodes = Episodes(alpha)
        self.shadow = Shadow(alpha)
        self.expected = Expected()
        self.novelty = NoveltyWatch(options.learning)
        self.silence = SilenceWatch(options.learning)
        self.logs = LogWatch(options.learning, options.lateness_s)
        self.slow = SlowLooks(options.false_alarms_per_host_week)
        self.known = KnownFailures(overrides=options.rules)
        self.grouper = Grouper()
        self._before: datetime | None = None  # until when the last batch was read

    def take_up(self, models: Mapping[str, ViewModel]) -> None:
        """Judge by `models` from the next batch on; windows, findings and incidents go on.

        A view without one among them learns for itself again.
        """
        for name, scorer in self.scorers.items():
            scorer.take_up(models.get(name))
        shadow = self.shadow  # what was seen beside another champion says nothing of this one
        shadow.begin(shadow.number, shadow.given, self.trained)

    def put_beside(self, number: int | None, models: Mapping[str, ViewModel]) -> None:
        """Let the challenger `number` score beside the champion; None = nobody any more.

        One that was beside this champion already goes on where it was.
        """
        given = {name: model.version for name, model in models.items()}
        for name, scorer in self.scorers.items():
            scorer.challenger = models.get(name)
        if (self.shadow.number, self.shadow.given) != (number, given):
            self.shadow.begin(number, given, self.trained)

    @property
    def trained(self) -> dict[str, str]:
        """The model that each view was given last, by its version; views with one of their own."""
        given = {name: scorer.trained for name, scorer in self.scorers.items()}
        return {name: version for name, version in given.items() if version is not None}

    @property
    def judges_as_trained(self) -> bool:
        """Whether every model that was given is the one that judges: none has learned on since."""
        return all(
            one.trained is None or (one.model is not None and one.model.version == one.trained)
            for one in self.scorers.values()
        )

    def process(self, events: Events, now: datetime) -> Outcome:
        """Take one batch, read until `now`."""
        judged = self.clocks.add(events, now)
        outcomes = [self._step(*step) for step in steps(judged, self._before, now)]
        self._before = now
        return outcomes[0] if len(outcomes) == 1 else _together(outcomes)

    def _step(self, events: Events, now: datetime) -> Outcome:
        windows, logs = self.windows.add(events, now)
        scores = pl.concat([self.scorers[name].add(frame) for name, frame in windows.items()])
        self.shadow.add(
            scores, [frame for one in self.scorers.values() for frame in one.taken_beside()]
        )
        logs = logs.with_columns(service_name().alias("entity"))
        detections = [
            *self.known.add(events, now),
            *self.known.naming_users(self.episodes.add(self.expected.hold(scores))),
            *self.novelty.add(logs, now),
            *self.silence.add(windows["service"], logs),
            *self.logs.add(logs, now, self.windows.miner.vocabulary.merged),
            *self.known.naming_users(self.slow.add(logs, self.windows.values)),
        ]
        detections = self.clocks.told(detections)
        return Outcome(windows, scores, detections, self.grouper.add(detections, now))

    def _stages(self) -> dict[str, Any]:
        return {
            "clocks": self.clocks,
            "windows": self.windows,
            "shadow": self.shadow,
            **{f"scorer.{name}": scorer for name, scorer in self.scorers.items()},
            "episodes": self.episodes,
            "novelty": self.novelty,
            "silence": self.silence,
            "logs": self.logs,
            "slow": self.slow,
            "known": self.known,
            "grouper": self.grouper,
        }

    def save(self) -> dict[str, object]:
        """All state, by stage."""
        before = None if self._before is None else self._before.isoformat()
        return {"before": before, **{name: one.save() for name, one in self._stages().items()}}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        for name, stage in self._stages().items():
            if name in saved:  # a stage that an earlier version did not have begins anew
                stage.load(saved[name])
        before = saved["before"]
        self._before = None if before is None else datetime.fromisoformat(before)


def _together(outcomes: list[Outcome]) -> Outcome:
    """What the steps of one batch led to, as one."""
    incidents = {one.id: one for outcome in outcomes for one in outcome.incidents}
    return Outcome(
        {name: pl.concat(one.windows[name] for one in outcomes) for name in VIEWS},
        pl.concat(outcome.scores for outcome in outcomes),
        [found for outcome in outcomes for found in outcome.detections],
        list(incidents.values()),
    )
