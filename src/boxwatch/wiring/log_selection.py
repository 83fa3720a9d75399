"""Which log lines a question is about, and what to say where there are none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from boxwatch.errors import StoreError, UsageError
from boxwatch.features.service import service_name
from boxwatch.store import EventStore, Part

PREFIX = "service:"  # as incidents name a service


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Lines with `since <= time < until` of a host and a service; None means no bound."""

    host: str | None = None
    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def services(self) -> frozenset[str]:
        """The names under which the lines of `service` may be counted."""
        given = (self.service or "").removeprefix(PREFIX)
        unit = {"unit": [given], "container_name": [None]}
        frame = pl.DataFrame(unit, schema={"unit": pl.String, "container_name": pl.String})
        name = frame.select(service_name()).item() or ""
        return frozenset({given, name.removeprefix(PREFIX)})

    def of_service(self) -> pl.Expr:
        """Whether a row of `logs` is of `service`; a unit can be given by its whole name."""
        given = (self.service or "").removeprefix(PREFIX)
        if "*" in given:
            return service_name() == f"{PREFIX}{given}"
        no_container = pl.col("container_name").fill_null("") == ""
        unit = no_container & pl.col("unit").is_in([given, f"{given}.service"])
        return (pl.col("container_name") == given) | unit

    def in_time(self) -> pl.Expr:
        """Whether a row is within the time; one without a time only where there is no bound."""
        where = pl.lit(value=True)
        if self.since is not None:
            where &= pl.col("time") >= self.since
        if self.until is not None:
            where &= pl.col("time") < self.until
        return where


@dataclass(frozen=True, slots=True)
class LogPattern:
    """What a line must say: a text, or with `regex` a regular expression (Rust's, no look-around).

    Raises:
        UsageError: the expression is not understood.
    """

    text: str
    regex: bool = False
    ignore_case: bool = False

    def __post_init__(self) -> None:
        try:
            pl.Series([""]).str.contains(self.expression)
        except pl.exceptions.PolarsError as error:
            said = str(error).partition("\n\nThis error")[0].removeprefix("regex error: ")
            why = said.splitlines()[-1].removeprefix("error: ").rstrip(".")
            raise UsageError(
                f"The pattern {self.text!r} is no regular expression: {why}.",
                hint="Leave out --regex to look for the text itself; look-around and "
                "back-references are not supported.",
            ) from None

    @property
    def expression(self) -> str:
        """A regular expression that finds the same."""
        body = self.text if self.regex else pl.escape_regex(self.text)
        return f"(?i){body}" if self.ignore_case else body

    def found_in(self, column: pl.Expr) -> pl.Expr:
        """Whether a text has it."""
        if self.regex or self.ignore_case:
            return column.str.contains(self.expression)
        return column.str.contains(self.text, literal=True)


def all_parts(store: EventStore, data: Path) -> list[Part]:
    """Every part of the logs of `store`.

    Raises:
        StoreError: there are none.

    """
    parts = store.parts("logs")
    if not parts:
        raise StoreError(
            f"No log lines are stored in {str(data)!r} yet.",
            hint="Start `boxwatch up`, or take up what there is: "
            "`boxwatch collect --since 24h`, then `boxwatch normalize`.",
        )
    return parts


def check_times(of: LogSelection) -> None:
    """Refuse a time that ends before it begins.

    Raises:
        UsageError: it does.

    """
    if of.since is not None and of.until is not None and of.since >= of.until:
        raise UsageError(
            f"--since {of.since:%Y-%m-%d %H:%M:%S} is not before --until "
            f"{of.until:%Y-%m-%d %H:%M:%S} (UTC).",
            hint="Give an earlier --since or a later --until.",
        )


def check_names(of: LogSelection, hosts: Collection[str], services: Collection[str]) -> None:
    """Refuse a host or a service of which nothing is stored.

    Raises:
        UsageError: it is not among `hosts` or `services`; names those that look like it.

    """
    if of.host is not None and of.host not in hosts:
        raise _unknown("host", of.host, hosts)
    if of.service is not None and not of.services & set(services):
        raise _unknown("service", of.service.removeprefix(PREFIX), services)


def names_of(store: EventStore, parts: list[Part]) -> tuple[list[str], list[str]]:
    """The hosts and the services that wrote anything."""
    key = ("host", "unit", "container_name")
    found = store.query(parts, lambda lazy: lazy.select(key).unique())
    services = found.select(service_name().alias("service"))["service"].drop_nulls().unique()
    hosts = found["host"].drop_nulls().unique().to_list()
    return hosts, [name.removeprefix(PREFIX) for name in services]


def newest_line(store: EventStore, parts: list[Part]) -> datetime | None:
    """The time of the newest line of `parts`, which must be all there are."""
    days = [part for part in parts if part.partition.date == parts[-1].partition.date]
    newest: datetime | None = store.query(days, lambda lazy: lazy.select("time").max()).item()
    return newest


def _unknown(what: str, given: str, known: Collection[str]) -> UsageError:
    names = sorted(name for name in known if name)
    near = get_close_matches(given, names, n=3)
    near += [name for name in names if given.lower() in name.lower() and name not in near][:3]
    if near:
        hint = f"Did you mean {' or '.join(map(repr, near))}?"
    else:
        more = "" if len(names) <= 8 else f" and {len(names) - 8} more"
        hint = f"There are {', '.join(map(repr, names[:8]))}{more}." if names else "There is none."
    return UsageError(f"No line of the {what} {given!r} is stored.", hint=hint)
