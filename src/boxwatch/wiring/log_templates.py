"""`logs templates`, `logs new`, `logs rare`: the kinds of line that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch import pulse
from boxwatch.errors import StoreDamaged, StoreTooNew
from boxwatch.events.masks import Mask, Masker
from boxwatch.events.templates import TemplateMiner
from boxwatch.events.vocabulary import Vocabulary
from boxwatch.live import vocabulary
from boxwatch.pulse import Progress
from boxwatch.store import EventStore, StateStore
from boxwatch.wiring.damage import tell_damage
from boxwatch.wiring.log_kinds import Kinds
from boxwatch.wiring.log_selection import (
    LogSelection,
    all_parts,
    check_names,
    check_times,
    names_of,
    newest_line,
)

ORDERS: Final = {
    "count": (["lines", "template"], [True, False]),
    "first": (["first", "template"], [False, False]),
    "last": (["last", "template"], [True, False]),
    "rare": (["lines", "last", "template"], [False, True, False]),
}


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Whose lines: a data folder, and the masks of its owner beside the built-in ones."""

    data: Path
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True)
class KindOfLine:
    """One template: how often, when, who and how bad (OpenTelemetry severity, the worst)."""

    template_id: str  # 64 bits, unsigned: JSON numbers are too short
    template: str
    lines: int
    first: datetime | None
    last: datetime | None
    services: tuple[str, ...]
    hosts: tuple[str, ...]
    severity: int | None
    example: str


@dataclass(frozen=True, slots=True)
class KindsReport:
    """The kinds of line of a selection: `templates` are those asked for out of `kinds`.

    `lines`, `first` and `last` are of the whole selection. `untold` lines are of too many
    different kinds to tell these apart: they are counted, and their templates are not named.
    Where there is no line, `newest` is the time of the newest stored line of any time and service.
    """

    lines: int
    kinds: int
    first: datetime | None
    last: datetime | None
    untold: int
    templates: tuple[KindOfLine, ...]
    newest: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewReport:
    """The kinds that a service wrote for the first time since `since`.

    `history_lines` lines from `history_from` on are what they were held against; none of them
    says that nothing was stored before. `newest` is the time of the newest line of the selection,
    from then on or before.
    """

    since: datetime
    history_from: datetime | None
    history_lines: int
    untold: int
    templates: tuple[KindOfLine, ...]
    newest: datetime | None


def log_templates(
    place: LogPlace, of: LogSelection, order: str, limit: int | None, progress: Progress
) -> KindsReport:
    """The kinds of line of `of`, in one of `ORDERS`, at most `limit`."""
    with opened_kinds(place, of) as kinds:
        counts = kinds.templates(kinds.texts([of], told(progress))[0])
    report = _report(counts, order, limit)
    return report if report.lines else replace(report, newest=_newest(place))


def new_templates(place: LogPlace, of: LogSelection, progress: Progress) -> NewReport:
    """The kinds that came first within `of`, which must have `since`, to the service they are of.

    A kind that another service wrote before is new to this one, as it is for watching.
    """
    assert of.since is not None  # noqa: S101 - narrows the type
    check_times(of)
    before_then = replace(of, since=None, until=of.since)
    with opened_kinds(place, of) as kinds:
        before, now = map(kinds.templates, kinds.texts([before_then, of], told(progress)))
    own = now.join(before, on=["host", "service", "template_id"], how="anti", nulls_equal=True)
    report = _report(own, "first", None)
    return NewReport(
        since=of.since,
        history_from=before["first"].min(),  # type: ignore[arg-type]
        history_lines=int(before["lines"].sum()),
        untold=_untold(now),
        templates=report.templates,
        newest=pl.concat([before["last"], now["last"]]).max(),  # type: ignore[arg-type]
    )


@contextmanager
def opened_kinds(place: LogPlace, of: LogSelection) -> Iterator[Kinds]:
    """The kinds of the logs of `place`; what was damaged is told at the end.

    Raises:
        UsageError: `of` ends before it begins, or names a host or service that wrote nothing.
        StoreError: there are no logs.

    """
    check_times(of)
    with EventStore.open(place.data, writable=False) as store:
        parts = all_parts(store, place.data)
        if of.host is not None or of.service is not None:
            check_names(of, *names_of(store, parts))
        yield Kinds(store, parts, Masker(place.masks), *_watched(place))
        tell_damage(store)


def _watched(place: LogPlace) -> tuple[Vocabulary, int]:
    """What watching knows of templates, and the batch up to which it has judged."""
    with StateStore.open(place.data) as state:
        checkpoint = state.load_checkpoint()
    if checkpoint is None:
        return Vocabulary(), 0
    try:
        return vocabulary(checkpoint, TemplateMiner(masks=place.masks)), checkpoint.seq
    except (StoreDamaged, StoreTooNew) as error:
        # Watching will do the same: it begins again at the first batch.
        pulse.emit(pulse.PartFailed(part="checkpoint", error=str(error)))
        return Vocabulary(), 0


def told(progress: Progress) -> Callable[[int, int], None]:
    """What counting tells `progress`."""
    return lambda done, total: progress("counting lines", done, total)


def _report(counts: pl.DataFrame, order: str, limit: int | None) -> KindsReport:
    known = counts.filter(pl.col("template").is_not_null())
    kinds = known.group_by("template_id").agg(
        pl.col("template").first(),
        pl.col("lines").sum(),
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("service").filter(pl.col("service") != "").unique().sort().alias("services"),
        pl.col("host").unique().sort().alias("hosts"),
        pl.col("severity").max(),
        pl.col("example").sort_by("last").last(),
    )
    columns, descending = ORDERS[order]
    ordered = kinds.sort(columns, descending=descending, nulls_last=True)
    shown = ordered if limit is None else ordered.head(limit)
    return KindsReport(
        lines=int(counts["lines"].sum()),
        kinds=kinds.height,
        first=counts["first"].min(),  # type: ignore[arg-type]
        last=counts["last"].max(),  # type: ignore[arg-type]
        untold=_untold(counts),
        templates=tuple(map(_kind, shown.iter_rows(named=True))),
    )


def _newest(place: LogPlace) -> datetime | None:
    with EventStore.open(place.data, writable=False) as store:
        return newest_line(store, all_parts(store, place.data))


def _untold(counts: pl.DataFrame) -> int:
    return int(counts.filter(pl.col("template").is_null())["lines"].sum())


def _kind(row: dict[str, Any]) -> KindOfLine:
    lists = {name: tuple(row[name]) for name in ("services", "hosts")}
    return KindOfLine(**{**row, **lists, "template_id": str(row["template_id"])})
