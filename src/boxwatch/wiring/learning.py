"""Learning by itself, beside a watcher: cuts windows, looks for a reason to train, trains, asks.

Every step is one row of `Lessons`. Killed at any instant, what was in use stays in use, the step
is told as lost, and the next look begins where windows were cut last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import BoxwatchError, StoreLocked, UsageError
from boxwatch.lifecycle import (
    Due,
    Life,
    Limits,
    Policy,
    Promotion,
    Situation,
    compare_alarms,
    due,
)
from boxwatch.pulse import Progress, unheard
from boxwatch.settings import Settings
from boxwatch.store import EventStore, Layout, Ledger, Lesson, Lessons, StateStore, WriterLock
from boxwatch.wiring.detector_task import TASK, DetectorTask
from boxwatch.wiring.drift import drift
from boxwatch.wiring.model_keeping import prune_unless_training
from boxwatch.wiring.model_telling import tell
from boxwatch.wiring.shadow_reading import read_shadow
from boxwatch.wiring.window_cutting import cut_on

_LATELY_S: Final = 12 * 3600.0  # windows that are held against those learned from
_NAMED: Final = 3  # features that moved, by name
BY: Final = "boxwatch learn"


@dataclass(frozen=True, slots=True)
class _Drifted:
    """What moved, in words, and since when for all we know."""

    words: str = ""
    since: datetime | None = None


class Learner:
    """The learning of one data folder; one process at a time.

    Args:
        settings: What a person set.
        data: The data folder.
        clock: Tells when training is due; the machine's own where None.

    Raises:
        StoreLocked: another process learns there.
    """

    def __init__(self, settings: Settings, data: Path, clock: Clock | None = None) -> None:
        EventStore.open(data, writable=False).close()  # a folder that is not there is not made
        self._settings = settings
        self._data = data
        self._clock = SystemClock() if clock is None else clock
        self._folder = Layout(data).models
        self._ledger = Ledger.open(self._folder, TASK, writable=True, clock=clock)
        self._lessons = Lessons.open(self._folder, TASK, writable=True, clock=clock)
        try:
            self._lock = WriterLock(self._folder / "learning.lock")
        except StoreLocked as error:
            self.close()
            raise StoreLocked(
                f"Another `boxwatch learn` is at work in {str(data)!r}.",
                hint="One is enough; `boxwatch learn --history` says what it does.",
            ) from error
        self.waits_for = ""

    def look(self, asked: str | None = None, progress: Progress = unheard) -> Lesson | None:
        """Look once whether there is a reason to train, and train; None where there was none.

        `waits_for` then says what is waited for. An error of training is a lesson that failed.
        """
        cut_on(self._settings, self._data, progress)
        if asked is None and (decided := self._decided()) is not None:
            return decided
        moved = _Drifted() if asked is not None else self._drifted()
        found = self._due(asked, moved)
        self.waits_for = found.why
        if found.cause is None:
            return None
        number = self._lessons.begin(found.cause, found.why)
        details: dict[str, Any] = {"labels": self._labels()}
        since = self._since(moved)
        details["since"] = since.isoformat()
        if moved.since is not None:
            details["moved_since"] = self._moved_since(moved.since).isoformat()
        try:
            outcome, version = self._train(since, found.why, details)
        except BoxwatchError as error:
            details["refused"] = True
            return self._lessons.end(number, str(error), details=details, failed=True)
        lesson = self._lessons.end(number, outcome, version=version, details=details)
        tell(self._settings, self._data)
        prune_unless_training(self._settings, self._data)
        return lesson

    def close(self) -> None:
        """Let another process learn."""
        self._ledger.close()
        self._lessons.close()
        if hasattr(self, "_lock"):
            self._lock.release()

    def _train(self, since: datetime, why: str, details: dict[str, Any]) -> tuple[str, int]:
        """Train and ask the gates; the outcome in words, and the version."""
        life = Life(DetectorTask(self._settings, self._data, since), self._ledger, self._folder)
        run = life.train()
        version = run.version or 0
        details["learned_from"] = {key: run.selection[key] for key in ("start", "end")}
        details["excluded_windows"] = dict(run.selection["excluded_windows"])
        policy, first = self._policy(), self._ledger.holder("champion") is None
        limits = Limits(false_alarms_per_week=self._settings.detections.false_alarms_per_host_week)
        if policy.automatic and (policy.shadow is None or first):
            asked = life.promote(version, by=BY, why=why, limits=limits)
            done = f"v{version} is in use"
        else:
            asked = life.challenge(version, by=BY, why=why, limits=limits)
            done = f"v{version} passed the gates and waits for `boxwatch models promote v{version}`"
            if policy.shadow is not None:
                done = f"v{version} passed the gates and scores beside the champion"
        if not asked.done:
            details["refused"] = True
            details["gates"] = [one.gate for one in asked.verdicts if not one.passed]
            done = _refusal(asked)
        return done, version

    def _decided(self) -> Lesson | None:
        """End the shadow of a challenger that was seen long enough; None where none was.

        Where a person decides, one that did well is told once and stays.
        """
        challenger, policy = self._ledger.holder("challenger"), self._policy()
        if challenger is None or policy.shadow is None:
            return None
        found = read_shadow(self._data)
        if found is None or found.version != challenger:
            return None
        if found.seconds < policy.shadow.total_seconds():
            return None
        known = next((one for one in self._lessons.told() if one.cause == "shadow"), None)
        if known is not None and known.version == challenger and known.state == "done":
            return None
        hours = found.seconds / 3600
        why = f"v{challenger} was seen beside the champion for {hours:.1f} h"
        number = self._lessons.begin("shadow", why)
        budget = self._settings.detections.false_alarms_per_host_week
        verdicts = compare_alarms(found.seen, budget)
        texts = "; ".join(one.text for one in verdicts)
        details: dict[str, Any] = {"verdicts": [one.record() for one in verdicts]}
        if policy.automatic or not all(one.passed for one in verdicts):
            life = Life(DetectorTask(self._settings, self._data), self._ledger, self._folder)
            asked = life.decide(challenger, verdicts, by=BY, why=why)
            details["refused"] = not asked.done
            outcome = f"v{challenger} is in use: {texts}" if asked.done else _refusal(asked)
        else:
            outcome = f"waits for `boxwatch models promote v{challenger}`: {texts}"
        return self._lessons.end(number, outcome, version=challenger, details=details)

    def _policy(self) -> Policy:
        models = self._settings.models
        return Policy(
            every=None if models.retrain_every is None else timedelta(days=models.retrain_every),
            shadow=timedelta(days=models.shadow_for) if models.shadow_for > 0 else None,
            automatic=models.promotion == "automatic",
        )

    def _due(self, asked: str | None, moved: _Drifted) -> Due:
        lessons = self._lessons.told()
        refused = 0
        for one in lessons:
            if one.state == "done" and not one.details.get("refused"):
                break
            refused += 1
        runs = self._ledger.runs()
        known = next((one.details["labels"] for one in lessons if "labels" in one.details), 0)
        ended = lessons[0].ended or lessons[0].began if lessons else None
        return due(
            self._policy(),
            Situation(
                now=self._clock.now(),
                champion=self._ledger.holder("champion") is not None,
                challenger=self._ledger.holder("challenger") is not None,
                trained=runs[0].began if runs else None,
                refusals=refused,
                attempted=ended,
                drifted=moved.words,
                labels=self._labels() - known,
                asked=asked,
            ),
        )

    def _labels(self) -> int:
        with StateStore.open(self._data) as store:
            return store.labels_given()

    def _drifted(self) -> _Drifted:
        """What moved since the champion learned; nothing where nobody can tell."""
        if self._ledger.holder("champion") is None:
            return _Drifted()
        try:
            report = drift(self._data, _LATELY_S, unheard)
        except UsageError:  # no windows yet
            return _Drifted()
        names = list(dict.fromkeys(f"{one.view} {one.feature}" for one in report.moved))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        words = f"{', '.join(names[:_NAMED])}{more}" if names else ""
        return _Drifted(words, report.start if names else None)

    def _moved_since(self, start: datetime) -> datetime:
        """When what is seen to have moved began to: with the first step that was about it."""
        for one in self._lessons.told():
            moved = one.details.get("moved_since")
            if one.state == "running":
                continue
            if moved is None or not one.details.get("refused"):
                break
            start = min(start, datetime.fromisoformat(moved))
        return start

    def _since(self, moved: _Drifted) -> datetime:
        """From when on windows are learned from: not from before what moved, ever again."""
        with EventStore.open(self._data, writable=False) as store:
            head = store.head()
        newest = self._clock.now() if head.seq == 0 else head.now
        since = newest - timedelta(days=self._settings.models.learn_from)
        for one in self._lessons.told():
            if "moved_since" in one.details:
                since = max(since, datetime.fromisoformat(one.details["moved_since"]))
                break
        return since if moved.since is None else max(since, self._moved_since(moved.since))


def _refusal(asked: Promotion) -> str:
    refused = [one.text for one in asked.verdicts if not one.passed]
    texts = "; ".join(refused) if refused else "another became champion meanwhile"
    return f"v{asked.version} is refused: {texts}"
