"""The loop: read, store, judge, tell, and now and then save the state.

Order of writing: a turn's events first, then what follows from them, so that whatever instant the
process is killed at, the next start finds every stored batch and judges those that the last
checkpoint does not cover once more. Incidents that changed are written with every turn, the state
of the pipeline only now and then: for fifty hosts it is ten megabytes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch import pulse
from boxwatch.clock import monotonic
from boxwatch.detections import COMBINED
from boxwatch.errors import StoreFull
from boxwatch.incidents import Incident, Opinion, State, expectations
from boxwatch.live.driving import drive, once_there_is_room
from boxwatch.live.feed import Feed, Turn
from boxwatch.live.gauges import count_open, tell_drift, tell_machine
from boxwatch.live.judges import Judges
from boxwatch.live.pipeline import Outcome, Pipeline
from boxwatch.live.shadow import STAGE
from boxwatch.live.state import SNAPSHOT, flatten, unflatten
from boxwatch.live.succession import Succession
from boxwatch.live.telling import Outlets
from boxwatch.sinks import Sink
from boxwatch.store import EventStore, StateStore, pack, unpack

_UPKEEP_TURNS: Final = 4  # turns between two rounds of compaction
_RETENTION_S: Final = 3600.0
_MANY_ROWS: Final = 4096  # that take long enough to store for the reading to go on meanwhile


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """The rhythm of the loop and how long events are kept."""

    checkpoint_s: float = 60.0
    retention_days: int = 30
    retention_bytes: int = 20 * 2**30
    retry_s: float = 5.0  # pause before a store that was full is tried again


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line says after a turn."""

    now: datetime
    rows: int
    open_incidents: int
    strangest: float | None  # least p-value of the turn's windows; None while learning
    learning_left_s: float | None
    champion: str | None = None  # the version that judges; None = what the watcher learned itself


def take_up(state: StateStore, pipeline: Pipeline) -> int:
    """Bring `pipeline` to the last checkpoint; returns the batch that it covers, 0 for none."""
    checkpoint = state.load_checkpoint()
    if checkpoint is None:
        return 0
    pipeline.load(unflatten(unpack(checkpoint.stages[SNAPSHOT])))
    return checkpoint.seq


class Loop:
    """Drives one pipeline over one feed into one data folder.

    With `champions`, the pipeline was made without models: what was judged before is judged again
    by the models of the checkpoint, and the champion of the present takes over after it, as it did
    or would have done between two turns.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a loop is made of
        self,
        store: EventStore,
        state: StateStore,
        pipeline: Pipeline,
        sinks: Sequence[Sink],
        options: LoopOptions | None = None,
        champions: Succession | None = None,
        challengers: Succession | None = None,
    ) -> None:
        self._store = store
        self._state = state
        self._pipeline = pipeline
        self._outlets = Outlets(sinks)
        self._options = LoopOptions() if options is None else options
        self._judges = Judges(pipeline, champions, challengers)
        self._changed: dict[str, Incident] = {}
        self._open: dict[str, Incident] = {}
        self._saved_at = monotonic()
        self._saved_seq = 0
        self._retained_at = monotonic()
        self._turns = 0
        self._seq = 0
        self._labels_heard = 0

    def recover(self, progress: Callable[[int], None] | None = None) -> int:
        """Take up the last checkpoint and judge the batches stored after it.

        Returns:
            The number of batches judged again.

        Raises:
            StoreFull: there is no room for the state; every batch is judged at the next start.

        """
        judged = 0
        for seq in self.recovering():
            judged += 1
            if progress is not None:
                progress(seq)
        if self._seq != self._saved_seq:
            self.checkpoint()
        return judged

    def recovering(self) -> Iterator[int]:
        """`recover`, batch by batch; may be left at any of them, and goes on from there.

        Where there is no room for the state, that is told, and it is saved once there is.
        """
        self._seq = self._saved_seq = take_up(self._state, self._pipeline)
        for incident in self._state.incidents(state=State.OPEN):
            self._open[incident.id] = incident
        self._judges.begin(anew=self._seq == 0)
        for batch in self._store.batches(self._seq):
            self.judge(batch.seq, Turn(batch.events, batch.now, {}))
            if monotonic() - self._saved_at >= self._options.checkpoint_s:
                self._if_room(self.checkpoint)
            yield batch.seq
        if self._seq != self._saved_seq:
            self._if_room(self.checkpoint)
        if self._judges.go_on():
            self._if_room(self.checkpoint)

    @property
    def champion(self) -> str | None:
        """The version that was taken up last; None = none, or not known yet."""
        return self._judges.champion

    def succeed(self) -> None:
        """Between two turns: take up another champion, once one was named and loaded.

        What was judged by the last is saved as such. Killed before that, the next start judges by
        the last once more and then comes here again.
        """
        if self._judges.succeed():
            self._if_room(self.checkpoint)

    def incidents_stored(self) -> int:
        """How many incidents the data folder holds."""
        return len(self._state.incidents())

    async def run(
        self, feed: Feed, stop: asyncio.Event, tell: Callable[[Status], None] | None = None
    ) -> None:
        """Take turns until `stop` is set or the feed ends, then save the state."""

        async def take(turn: Turn) -> None:
            if await self._take(turn, stop) and tell is not None:
                tell(self._status)

        try:
            await drive(feed, stop, take)
        finally:
            self._if_room(self.checkpoint)

    async def _take(self, turn: Turn, stop: asyncio.Event) -> bool:
        """Store and judge one turn; False if the store stayed full until the stop."""
        began = monotonic()

        def append() -> int:
            return self._store.append(turn.events, turn.now, turn.positions)

        much = turn.events.rows >= _MANY_ROWS
        seq = await once_there_is_room(append, stop, self._options.retry_s, aside=much)
        if seq is None:
            return False
        outcome = self.judge(seq, turn)
        self._publish(seq, turn, outcome, monotonic() - began)
        self._upkeep(turn.now)
        self.succeed()
        return True

    def judge(self, seq: int, turn: Turn) -> Outcome:
        """What follows from a turn that is stored as batch `seq`; sinks are told of it."""
        self._hear()
        outcome = self._pipeline.process(turn.events, turn.now)
        self._seq = seq
        for incident in outcome.incidents:
            self._changed[incident.id] = incident
            if incident.state is State.OPEN:
                if incident.id not in self._open:
                    pulse.emit(
                        pulse.IncidentOpened(incident.id, str(incident.severity), incident.title)
                    )
                self._open[incident.id] = incident
            else:
                self._open.pop(incident.id, None)
        self._outlets.write(outcome.incidents)
        return outcome

    def checkpoint(self) -> None:
        """Save the pipeline's state and the incidents that changed, in one transaction."""
        began = monotonic()
        self._outlets.flush()
        snapshot = pack(flatten(self._pipeline.save()))
        stages = {SNAPSHOT: snapshot, STAGE: self._pipeline.shadow.told()}
        self._state.checkpoint(self._seq, stages, list(self._changed.values()))
        self._changed.clear()
        self._saved_at, self._saved_seq = monotonic(), self._seq
        pulse.emit(pulse.CheckpointSaved(batch=self._seq, seconds=self._saved_at - began))

    def _hear(self) -> None:
        """Take up what people have come to expect since the last turn."""
        given = self._state.labels_given()
        if given != self._labels_heard:
            self._pipeline.expected.rules = expectations(self._state.labelled(Opinion.EXPECTED))
            self._labels_heard = given

    def _upkeep(self, now: datetime) -> None:
        self._turns += 1
        self._if_room(lambda: self._tidy(now))

    def _if_room(self, work: Callable[[], None]) -> None:
        """Do `work`; if there is no room for it, say so: the events are stored, it comes later."""
        try:
            work()
        except StoreFull as error:
            pulse.emit(pulse.PartFailed(part="store", error=str(error)))

    def _tidy(self, now: datetime) -> None:
        if monotonic() - self._saved_at >= self._options.checkpoint_s:
            self.checkpoint()
        elif self._changed:
            self._state.note(list(self._changed.values()))
            self._changed.clear()
        if self._turns % _UPKEEP_TURNS == 0:
            self._store.compact()
        if monotonic() - self._retained_at >= _RETENTION_S:
            self._retained_at = monotonic()
            self._store.retain(self._options.retention_days, self._options.retention_bytes, now)

    def _publish(self, seq: int, turn: Turn, outcome: Outcome, seconds: float) -> None:
        events = turn.events
        rows: Counter[str] = Counter()
        for table in (events.logs, events.samples):
            rows.update(dict(table.group_by("source").len().iter_rows()))
        quarantined = Counter(events.quarantined["kind"].to_list())
        pulse.emit(pulse.BatchStored(seq, dict(rows), dict(quarantined), seconds))
        decided = outcome.scores.filter(pl.col("detector") == COMBINED)
        least = decided.group_by("host", "view").agg(pl.col("p_value").min())
        strangest = None
        for (host,), part in least.group_by("host"):
            values = dict(part.select("view", "p_value").iter_rows())
            pulse.emit(pulse.TurnJudged(str(host), values))
            strangest = min(values.values())
        tell_machine(outcome.windows["host"], events.samples)
        count_open(self._open.values())
        left = self._learning_left(turn.now)
        pulse.emit(pulse.BaselineRunning(left))
        tell_drift(self._state)
        self._status = Status(
            turn.now, events.rows, len(self._open), strangest, left, self._judges.told()
        )

    def _learning_left(self, now: datetime) -> float | None:
        waiting = [scorer.ready_at() for scorer in self._pipeline.scorers.values()]
        until = [instant for instant in waiting if instant is not None]
        if not until:
            return None
        return max(0.0, (max(until) - now) / timedelta(seconds=1))
