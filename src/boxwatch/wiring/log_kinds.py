"""How often each kind of line was written, by service and time, over all that is stored.

Masking a month of lines again for every question would take many seconds, so what it comes to is
kept as a digest beside the parts: lines by masked text, service and ten minutes. Masked texts do
not depend on what else was seen; which of them are one template does, so that is decided anew every
time, with the vocabulary that watching has, taken on by the lines it has not judged yet. So ids are
those that watching gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Final

import polars as pl

from boxwatch.clock import EPOCH
from boxwatch.events.masks import Masker
from boxwatch.events.schema import TIME, Schema
from boxwatch.events.vocabulary import Vocabulary, template_id
from boxwatch.features.service import service_name
from boxwatch.store import Digests, EventStore, Part, Recipe, runs
from boxwatch.wiring.log_selection import PREFIX, LogSelection

SLOT: Final = timedelta(minutes=10)
KIND: Final = ("host", "service", "text")
COUNTS: Final[Schema] = {
    "host": pl.String(),
    "service": pl.String(),  # as incidents call it, without "service:"; "" = none
    "text": pl.String(),  # masked; null = one of too many
    "slot": TIME,  # null: a line without a time, or slots do not matter
    "lines": pl.Int64(),
    "first": TIME,
    "last": TIME,
    "severity": pl.UInt8(),  # the worst
    "example": pl.String(),
}

_VERSION: Final = "1"  # of what a digest holds: another number makes all of them anew
_COLUMNS: Final = ("time", "host", "severity", "unit", "container_name", "message")
_MOST_OF_A_DAY: Final = 20_000  # kinds that are told apart, of a host's day
_MOST: Final = 60_000  # and of all that is asked for
_EXAMPLE: Final = 400  # characters of a line that stand for its kind


Fold = Callable[[pl.DataFrame], pl.DataFrame]
"""Counts of a host's day, made smaller."""


class Kinds:
    """The kinds of line of one store.

    Args:
        store: Where they are counted.
        parts: All parts of its logs.
        masker: The masks that watching uses.
        vocabulary: What watching knows; it learns here what came after batch `judged`.
        judged: The last batch that `vocabulary` has seen; 0 = none.
    """

    def __init__(
        self,
        store: EventStore,
        parts: Sequence[Part],
        masker: Masker,
        vocabulary: Vocabulary,
        judged: int,
    ) -> None:
        self._store = store
        self._parts = parts
        self._vocabulary = vocabulary
        self._judged = judged
        self._count = partial(count, masker)
        recipe = Recipe(
            name="kinds",
            identity=f"{_VERSION} {masker.identity}",
            columns=_COLUMNS,
            schema=COUNTS,
            make=self._count,
            combine=partial(combine, most=_MOST_OF_A_DAY),
        )
        self._digests = Digests(store, recipe)

    def texts(
        self,
        times: Sequence[LogSelection],
        progress: Callable[[int, int], None],
        fold: Fold | None = None,
    ) -> list[pl.DataFrame]:
        """The counts of each of `times`, by text; without slots unless `fold` keeps them.

        All that is not judged yet is looked at, whatever is asked for, so that ids do not depend
        on the question.
        """
        fold = without_slots if fold is None else fold
        found: list[list[pl.DataFrame]] = [[] for _ in times]
        fresh_days = {part.partition.date for part in self._parts if part.last > self._judged}
        days = {part.partition.date for part in self._parts}
        days = fresh_days | {date for date in days if any(_meets(date, of) for of in times)}
        wanted = [part for part in self._parts if part.partition.date in days]
        for date, digest in self._digests.each(wanted, progress):
            if date in fresh_days:
                self._learn(digest)
            for of, frames in zip(times, found, strict=True):
                inner = _inside(digest, of)
                if not inner.is_empty():
                    frames.append(fold(inner))
        for of, frames in zip(times, found, strict=True):
            frames += [fold(self.raw(edge, SLOT)) for edge in _edges(of)]
        return [combine(frames, most=_MOST) for frames in found]

    def raw(self, of: LogSelection, slot: timedelta) -> pl.DataFrame:
        """The counts of a short time, from the lines themselves; slots may be of any length."""
        frames = []
        for run in runs([part for part in self._parts if _meets(part.partition.date, of)]):
            rows = self._store.query(run, lambda lazy: lazy.filter(of.in_time()).select(_COLUMNS))
            frames.append(_selected(self._count(rows, slot), of))
        return combine(frames, most=_MOST)

    def newest(self, of: LogSelection) -> datetime | None:
        """The time of the newest line of the host of `of`; None where none has a time."""
        where = pl.lit(value=True) if of.host is None else pl.col("host") == of.host
        for _, day in groupby(self._parts[::-1], key=lambda part: part.partition.date):
            found = self._store.query(
                list(day), lambda lazy: lazy.filter(where).select(pl.col("time").max())
            )
            time: datetime | None = found.item()
            if time is not None:
                return time
        return None

    def templates(self, counts: pl.DataFrame) -> pl.DataFrame:
        """`counts` with `template` and `template_id` in place of `text`.

        Lines of several texts of one template are still apart.
        """
        texts = counts["text"].drop_nulls().unique().to_list()
        templates = [self._vocabulary.template(text) for text in texts]
        table = pl.DataFrame(
            {
                "text": texts,
                "template": templates,
                "template_id": list(map(template_id, templates)),
            },
            schema={"text": pl.String, "template": pl.String, "template_id": pl.UInt64},
        )
        return counts.join(table, on="text", how="left").drop("text")

    def _learn(self, digest: pl.DataFrame) -> None:
        """Take on the texts of `digest` that watching has not met, in the order they came."""
        firsts = digest.group_by("text").agg(pl.col("first").min()).sort("first", "text")
        for text in firsts["text"].drop_nulls():
            if self._vocabulary.get(text) is None:
                self._vocabulary.learn(text)


def count(masker: Masker, rows: pl.DataFrame, slot: timedelta = SLOT) -> pl.DataFrame:
    """`COUNTS` of log rows."""
    service = service_name().str.strip_prefix(PREFIX).fill_null("")
    counted = (
        rows.lazy()
        .with_columns(
            masker.column(rows["message"].fill_null("")).alias("text"),
            pl.col("host").fill_null(""),
            service.alias("service"),
            pl.col("time").dt.truncate(slot).alias("slot"),
        )
        .group_by(*KIND, "slot")
        .agg(
            pl.len().cast(pl.Int64).alias("lines"),
            pl.col("time").min().alias("first"),
            pl.col("time").max().alias("last"),
            pl.col("severity").max(),
            pl.col("message").last().alias("example"),
        )
        .collect()
    )
    return counted.with_columns(pl.col("example").str.head(_EXAMPLE)).select(list(COUNTS))


def combine(frames: Sequence[pl.DataFrame], most: int) -> pl.DataFrame:
    """Several `COUNTS` as one; of more than `most` kinds the rarest are no longer told apart."""
    if not frames:
        return pl.DataFrame(schema=dict(COUNTS))
    together = _grouped(pl.concat(frames)) if len(frames) > 1 else frames[0]
    kinds = together.filter(pl.col("text").is_not_null()).group_by(KIND).agg(pl.col("lines").sum())
    if kinds.height <= most:
        return together
    kept = kinds.sort("lines", *KIND, descending=True).head(most).select(KIND)
    rest = together.join(kept, on=KIND, how="anti").with_columns(
        pl.lit(None, pl.String).alias("text"), pl.lit(None, pl.String).alias("example")
    )
    return pl.concat([together.join(kept, on=KIND, how="semi"), _grouped(rest)])


def _grouped(counts: pl.DataFrame) -> pl.DataFrame:
    grouped = counts.group_by(*KIND, "slot").agg(
        pl.col("lines").sum(),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("severity").max(),
    )
    known = counts.filter(pl.col("example").is_not_null())
    examples = known.sort("last").unique(KIND, keep="last").select(*KIND, "example")
    joined = grouped.join(examples, on=KIND, how="left", nulls_equal=True)
    return joined.select(list(COUNTS))


def without_slots(counts: pl.DataFrame) -> pl.DataFrame:
    """`counts` by kind alone."""
    return _grouped(counts.with_columns(pl.lit(None, TIME).alias("slot")))


def without_examples(counts: pl.DataFrame) -> pl.DataFrame:
    """`counts` by kind and slot, as numbers."""
    return counts.with_columns(pl.lit(None, pl.String).alias("example"))


def by_service(counts: pl.DataFrame) -> pl.DataFrame:
    """`counts` by service and slot, whatever the kind of line."""
    nothing = pl.lit(None, pl.String)
    return _grouped(counts.with_columns(nothing.alias("text"), nothing.alias("example")))


def _selected(counts: pl.DataFrame, of: LogSelection) -> pl.DataFrame:
    if of.host is not None:
        counts = counts.filter(pl.col("host") == of.host)
    if of.service is not None:
        counts = counts.filter(pl.col("service").is_in(list(of.services)))
    return counts


def _inside(digest: pl.DataFrame, of: LogSelection) -> pl.DataFrame:
    """The rows of `digest` whose slots lie wholly within the time of `of`."""
    digest = _selected(digest, of)
    if of.since is not None:
        digest = digest.filter(pl.col("slot") >= _ceil(of.since))
    if of.until is not None:
        digest = digest.filter(pl.col("slot") + SLOT <= of.until)
    return digest


def _edges(of: LogSelection) -> list[LogSelection]:
    """The times of `of` that fill no whole slot."""
    if of.since is not None and of.until is not None and _ceil(of.since) > of.until:
        return [of]
    edges = []
    if of.since is not None:
        edges.append((of.since, _ceil(of.since)))
    if of.until is not None:
        edges.append((_floor(of.until), of.until))
    return [
        LogSelection(of.host, of.service, since, until) for since, until in edges if since < until
    ]


def _meets(date: str, of: LogSelection) -> bool:
    since = "0000" if of.since is None else of.since.astimezone(UTC).date().isoformat()
    until = "9999" if of.until is None else of.until.astimezone(UTC).date().isoformat()
    return since <= date <= until


def _floor(instant: datetime) -> datetime:
    return EPOCH + (instant - EPOCH) // SLOT * SLOT


def _ceil(instant: datetime) -> datetime:
    return EPOCH - (EPOCH - instant) // SLOT * SLOT
