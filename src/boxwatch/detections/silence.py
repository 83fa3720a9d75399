"""Silence: a service that used to write and does not.

A service's pauses between windows with lines are remembered. A pause is a finding when it is
several times the longest this service has ever shown, over a history long enough to know: a service
that writes at random sometimes pauses long, and its own longest pause says how long. Only time that
was watched counts as a pause: not while the watcher was stopped, nor what a clock jumped over. And
a unit that ended by itself and well, as a job does, has nothing more to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.detections.logs import Learning
from boxwatch.detections.watched import FORGET_S, Watched
from boxwatch.features.service import SERVICE

_LONGEST_TIMES: Final = 4.0  # times the longest gap ever seen
_LEAST_GAP: Final = timedelta(seconds=90)
# What systemd says of a unit (unit_log_success, job messages); a unit that somebody stops is told
# to stop first.
_WELL: Final = ": Deactivated successfully"
_TOLD_TO: Final = "Stopping "
_MOST_STOPPING: Final = 1000  # units whose stop never came to an end are forgotten
_STOPS_WITHIN_S: Final = 600.0  # TimeoutStopSec is 90 s by default, often more


@dataclass(slots=True)
class Rhythm:
    """How one service writes: since when, when last, how often, its pauses in watched seconds."""

    first: float  # seconds since the epoch
    last: float
    spoken: int = 0
    longest: float = 0.0
    pause: float = 0.0
    silent_since: float | None = None
    seen: float = 0.0  # watched seconds when it wrote last
    ended: float | None = None  # when its unit ended well; None while it is expected to write


class SilenceWatch:
    """Finds services that fell silent, from the windows of the service view."""

    def __init__(self, learning: Learning | None = None) -> None:
        self._learning = Learning() if learning is None else learning
        self._rhythms: dict[str, Rhythm] = {}
        self._watched = Watched()
        self._ends: dict[str, list[float]] = {}  # by unit, when it ended well: windows to come
        self._stopping: dict[str, float] = {}  # by unit, when it was told to stop

    def add(self, windows: pl.DataFrame, logs: pl.DataFrame | None = None) -> list[Detection]:
        """The silences that began, went on or ended in `windows` (service view, oldest first).

        `logs` are the lines that came (with `entity`), up to the windows or somewhat later.
        """
        if logs is not None:
            self._learn_ends(logs)
        found: dict[str, Detection] = {}
        columns = windows.select("host", "entity", "start", "end", "lines")
        for host, entity, start, end, lines in columns.iter_rows():
            detection = self._step(host, entity, start, end, wrote=lines > 0)
            if detection is not None:
                found[detection.id] = detection
        if not windows.is_empty():
            wrote = columns.filter(pl.col("lines") > 0).select(
                pl.concat_str("host", pl.lit("\0"), "entity")
            )
            gone = self._forget(set(wrote[:, 0]), self._watched.until(windows["start"][-1]))
            found |= {detection.id: detection for detection in gone}
        return list(found.values())

    def _learn_ends(self, logs: pl.DataFrame) -> None:
        """Note the units that ended by themselves and well."""
        text = pl.col("message")
        told_to = text.str.starts_with(_TOLD_TO)
        about = (
            logs.filter(
                (pl.col("source") == "systemd")
                & pl.col("entity").is_not_null()
                & (told_to | text.str.contains(_WELL, literal=True))
            )
            .select(pl.concat_str("host", pl.lit("\0"), "entity"), "time", told_to.alias("stop"))
            .iter_rows()
        )
        for key, time, stop in about:
            if stop:
                self._stopping[key] = time.timestamp()
            elif time.timestamp() - self._stopping.pop(key, -math.inf) > _STOPS_WITHIN_S:
                self._ends.setdefault(key, []).append(time.timestamp())
        for key in [key for key, ends in self._ends.items() if not ends]:
            del self._ends[key]
        if len(self._stopping) > _MOST_STOPPING:
            newest = sorted(self._stopping.items(), key=lambda one: one[1])[-_MOST_STOPPING // 2 :]
            self._stopping = dict(newest)

    def _forget(self, wrote: set[str], watched: float) -> list[Detection]:
        """Let go of services that are no more; their silences end with them."""
        for key in wrote:
            self._rhythms[key].seen = watched
        ended = []
        for key in [key for key, one in self._rhythms.items() if watched - one.seen > FORGET_S]:
            rhythm = self._rhythms.pop(key)
            if rhythm.silent_since is not None:
                host, _, entity = key.partition("\0")
                end = datetime.fromtimestamp(rhythm.last + SERVICE.window_s + rhythm.pause, UTC)
                ended.append(_finding(host, entity, rhythm, end, still_open=False))
        return ended

    def _step(
        self, host: str, entity: str, start: datetime, end: datetime, *, wrote: bool
    ) -> Detection | None:
        key = f"{host}\0{entity}"
        at = start.timestamp()
        rhythm = self._rhythms.get(key)
        if rhythm is None:
            rhythm = self._rhythms[key] = Rhythm(first=at, last=at)
        while self._ends.get(key) and self._ends[key][0] < end.timestamp():
            rhythm.ended = self._ends[key].pop(0)
        if wrote:
            if rhythm.ended is not None and rhythm.ended < at:
                rhythm.ended = None
            ended = None
            if rhythm.silent_since is not None:
                ended = _finding(host, entity, rhythm, start, still_open=False)
            elif rhythm.spoken > 0:
                rhythm.longest = max(rhythm.longest, rhythm.pause)
            rhythm.last, rhythm.silent_since, rhythm.pause = at, None, 0.0
            rhythm.spoken += 1
            return ended
        if rhythm.ended is not None:
            return None
        rhythm.pause += (end - start).total_seconds()
        if rhythm.silent_since is None:
            if not self._too_long(rhythm):
                return None
            rhythm.silent_since = rhythm.last
        return _finding(host, entity, rhythm, end, still_open=True)

    def _too_long(self, rhythm: Rhythm) -> bool:
        old = rhythm.last - rhythm.first >= self._learning.age_s
        limit = max(_LEAST_GAP.total_seconds(), _LONGEST_TIMES * rhythm.longest)
        return old and rhythm.spoken >= self._learning.windows and rhythm.pause >= limit

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        rhythms = {key: asdict(rhythm) for key, rhythm in self._rhythms.items()}
        return {
            "rhythms": rhythms,
            "watched": self._watched.save(),
            "ends": {key: list(ends) for key, ends in self._ends.items() if ends},
            "stopping": dict(self._stopping),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._rhythms = {key: Rhythm(**state) for key, state in saved["rhythms"].items()}
        self._watched.load(saved["watched"])
        self._ends = {key: list(ends) for key, ends in saved.get("ends", {}).items()}
        self._stopping = dict(saved.get("stopping", {}))


def _finding(
    host: str, entity: str, rhythm: Rhythm, end: datetime, *, still_open: bool
) -> Detection:
    since = rhythm.last if rhythm.silent_since is None else rhythm.silent_since
    start = min(datetime.fromtimestamp(since, UTC), end)
    service = entity.removeprefix("service:")
    text = (
        f"{service} has written nothing for {rhythm.pause:.0f} s; "
        f"its longest pause before was {rhythm.longest:.0f} s"
    )
    return Detection(
        host=host,
        entity=entity,
        start=start,
        end=end,
        open=still_open,
        kind=Kind.SILENCE,
        name="log-silence",
        severity=Severity.MEDIUM,
        reasons=(Reason(text, entity=entity, metric="silence"),),
    )
