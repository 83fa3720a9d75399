"""`logs search`: the lines that say something, and the lines around them.

Parts are read day by day from the newest, only the columns that are needed, and no further than
enough lines are found. What is held is the lines that are shown and one run of parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch.clock import EPOCH
from boxwatch.errors import UsageError
from boxwatch.events.schema import LOGS, Schema
from boxwatch.features.service import service_name
from boxwatch.pulse import Progress
from boxwatch.store import EventStore, Part, Shape, runs
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.log_selection import (
    PREFIX,
    LogPattern,
    LogSelection,
    all_parts,
    check_names,
    check_times,
    names_of,
    newest_line,
)

_KEY: Final = ["time", "seq", "row"]
_COLUMNS: Final = [*LOGS, "seq", "row"]
_STEPS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 300, 7200, 86400, 86400 * 400))
_NEAR: Final = "2m"  # lines so near each other share one look around


@dataclass(frozen=True, slots=True)
class LogsWanted:
    """Which lines, how many of the newest, and how many around each; `severity` is the least."""

    of: LogSelection
    pattern: LogPattern | None = None
    severity: int | None = None
    event_id: int | None = None
    limit: int = 100
    context: int = 0


@dataclass(frozen=True, slots=True)
class Missed:
    """What a search that found nothing would have found with fewer bounds.

    `lines` of them match but for a severity `below` the one asked for, a time `outside` that asked
    for, or both; the newest is of `newest`.
    """

    lines: int
    newest: datetime | None
    below: bool
    outside: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The newest lines that match, oldest first, with those around them.

    `lines` has the columns of `logs`, `service` as incidents call it, and `matches` (false: a line
    around one). `more` says that older lines match too, and are left out. `newest` is the time of
    the newest line that matches; where none does, of the newest stored line, and `missed` says
    what fewer bounds would have found.
    """

    lines: pl.DataFrame
    matching: int
    more: bool
    newest: datetime | None
    missed: Missed | None = None


_SCHEMA: Final[Schema] = {**LOGS, "seq": pl.UInt32(), "row": pl.UInt32()}


def search_logs(data: Path, want: LogsWanted, progress: Progress) -> Found:
    """The lines that `want` describes.

    Raises:
        UsageError: nothing is stored of the host or the service that was named; or a line was
            named that is not there.
        StoreError: no lines are stored.

    """
    check_times(want.of)
    with EventStore.open(data, writable=False) as store:
        parts = all_parts(store, data)
        search = _Search(store, want)
        found = search.newest(progress)
        missed = None
        if found.is_empty():
            newest = _explain(store, parts, want)
            missed = _missed(store, want)
        else:
            newest = found.select(pl.col("time").max()).item()
        more = found.height > want.limit
        found = found.sort(_KEY, nulls_last=False).tail(want.limit)
        lines = search.with_context(found) if want.context else found.with_columns(matches=True)
        tell_damage(store)
        service = service_name().str.strip_prefix(PREFIX).fill_null("").alias("service")
    shown = lines.with_columns(service).select(*LOGS, "service", "matches")
    return Found(shown, found.height, more, newest, missed)


class _Search:
    def __init__(self, store: EventStore, want: LogsWanted) -> None:
        self._store = store
        self._want = want

    def newest(self, progress: Progress) -> pl.DataFrame:
        """The newest lines that match, one more than the limit if there are so many."""
        want, of = self._want, self._want.of
        most = want.limit + 1
        parts = self._store.parts("logs", of.since, of.until, of.host)[::-1]
        where = self._matches()
        frames: list[pl.DataFrame] = []
        done = 0
        for _, day in groupby(parts, key=lambda part: part.partition.date):
            for run in runs(list(day)):
                found = self._store.query(run, lambda lazy: _newest(lazy.filter(where), most))
                frames = [pl.concat([*frames, found]).top_k(most, by=_KEY)]
                done += len(run)
                progress("searching", done, len(parts))
            if frames[0].height >= (most if want.event_id is None else 1):
                break
        return frames[0] if frames else pl.DataFrame(schema=dict(_SCHEMA))

    def tally(self) -> tuple[int, datetime | None]:
        """How many lines match, and the time of the newest."""
        of, where = self._want.of, self._matches()
        what = pl.len().cast(pl.Int64).alias("lines"), pl.col("time").max()
        frames = [
            self._store.query(run, lambda lazy: lazy.filter(where).select(*what))
            for run in runs(self._store.parts("logs", of.since, of.until, of.host))
        ]
        if not frames:
            return 0, None
        counts = pl.concat(frames)
        return int(counts["lines"].sum()), counts.select(pl.col("time").max()).item()

    def with_context(self, found: pl.DataFrame) -> pl.DataFrame:
        """`found`, and the lines before and after each of the same host (and service, if asked)."""
        near = [found]
        for (host,), rows in found.filter(pl.col("time").is_not_null()).group_by("host"):
            of = replace(self._want.of, host=str(host), since=None, until=None)
            for cluster in _clusters(rows.sort(_KEY)):
                near += [self._between(cluster, of), *self._beside(cluster, of)]
        lines = pl.concat(near).unique(["seq", "row"]).sort(_KEY)
        marks = found.select("seq", "row", matches=pl.lit(value=True))
        marked = lines.join(marks, on=["seq", "row"], how="left", maintain_order="left")
        return marked.with_columns(pl.col("matches").fill_null(value=False))

    def _between(self, cluster: pl.DataFrame, of: LogSelection) -> pl.DataFrame:
        """The lines near those of `cluster`, from its first to its last."""
        most = self._want.context
        first, last = cluster["time"][0], cluster["time"][-1]
        span = replace(of, since=first, until=last + timedelta(microseconds=1))
        frames = self._query(span, lambda lazy: lazy)
        lines = pl.concat([cluster, *frames]).unique(["seq", "row"]).sort(_KEY)
        places = lines.with_row_index("place").join(cluster, on=["seq", "row"], how="semi")
        place = places["place"].cast(pl.Int64)
        near = pl.concat([place + away for away in range(-most, most + 1)])
        return lines.gather(near.filter(near.is_between(0, lines.height - 1)).unique())

    def _beside(self, cluster: pl.DataFrame, of: LogSelection) -> Iterator[pl.DataFrame]:
        """The lines before the first of `cluster`, and those after its last."""
        most = self._want.context
        first, last = cluster.row(0, named=True), cluster.row(-1, named=True)
        for step in _STEPS:
            span = replace(of, since=_moved(first["time"], -step), until=_after(first["time"]))
            found = self._query(span, lambda lazy: lazy.filter(_before(first)).top_k(most, by=_KEY))
            before = pl.concat([cluster.clear(), *found]).top_k(most, by=_KEY)
            if before.height == most:
                break
        yield before
        for step in _STEPS:
            span = replace(of, since=last["time"], until=_moved(last["time"], step))
            found = self._query(
                span, lambda lazy: lazy.filter(~_before(last)).bottom_k(most + 1, by=_KEY)
            )
            after = pl.concat([cluster.clear(), *found]).bottom_k(most + 1, by=_KEY)
            if after.height == most + 1:  # the last of the cluster is among them
                break
        yield after

    def _query(self, of: LogSelection, shape: Shape) -> list[pl.DataFrame]:
        where = of.in_time() & (pl.col("host") == of.host)
        if of.service is not None:
            where &= of.of_service()
        return [
            self._store.query(run, lambda lazy: shape(lazy.filter(where).select(_COLUMNS)))
            for run in runs(self._store.parts("logs", of.since, of.until, of.host))
        ]

    def _matches(self) -> pl.Expr:
        want = self._want
        where = want.of.in_time()
        if want.of.host is not None:
            where &= pl.col("host") == want.of.host
        if want.of.service is not None:
            where &= want.of.of_service()
        if want.severity is not None:
            where &= pl.col("severity") >= want.severity
        if want.event_id is not None:
            where &= pl.col("event_id") == want.event_id
        if want.pattern is not None:
            where &= want.pattern.found_in(pl.col("message"))
        return where


def _newest(lazy: pl.LazyFrame, most: int) -> pl.LazyFrame:
    return lazy.select(_COLUMNS).top_k(most, by=_KEY)


def _clusters(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`rows`, which are sorted, in groups that are near each other and within a short time."""
    near = rows.with_columns(pl.col("time").dt.truncate(_NEAR).alias("near"))
    yield from near.partition_by("near", maintain_order=True, include_key=False)


def _before(row: dict[str, Any]) -> pl.Expr:
    """Whether a line stands before `row`."""
    time, seq, place = (pl.col(name) for name in _KEY)
    earlier = (seq < row["seq"]) | ((seq == row["seq"]) & (place < row["row"]))
    before: pl.Expr = (time < row["time"]) | ((time == row["time"]) & earlier)
    return before


def _moved(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant + by
    except OverflowError:
        return EPOCH if by < timedelta(0) else instant


def _after(instant: datetime) -> datetime:
    return instant + timedelta(microseconds=1)


def _explain(store: EventStore, parts: list[Part], want: LogsWanted) -> datetime | None:
    """Where no line was found: the time of the newest line there is, of what was asked for.

    Raises:
        UsageError: the host, the service or the line that was named is not there.

    """
    of = want.of
    if of.host is not None or of.service is not None:
        check_names(of, *names_of(store, parts))
    if want.event_id is not None:
        raise UsageError(
            f"No line with the event id {want.event_id} is stored.",
            hint="`boxwatch incidents report ID --json` and `boxwatch logs search --json` show "
            "event ids; old days are forgotten as data.retention_days says.",
        )
    return newest_line(store, parts)


def _missed(store: EventStore, want: LogsWanted) -> Missed | None:
    """What `want` would find with as few bounds less as find anything; None if that is nothing."""
    any_time = replace(want.of, since=None, until=None)
    for severity, of in ((None, want.of), (want.severity, any_time), (None, any_time)):
        wider = replace(want, severity=severity, of=of)
        lines, newest = _Search(store, wider).tally() if wider != want else (0, None)
        if lines:
            return Missed(lines, newest, severity != want.severity, of != want.of)
    return None
