"""`boxwatch logs templates|new|rare|rates|search`: what the stored logs say."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import polars as pl
import typer

from boxwatch import units, wiring
from boxwatch.cli import instants
from boxwatch.cli.log_lines import Least, least, moment, printed
from boxwatch.cli.log_printing import count, minute, print_kind, print_rate, second
from boxwatch.cli.printing import show_json
from boxwatch.cli.session import Session, open_session, progress
from boxwatch.clock import SystemClock

FEW: Final = 20  # kinds of line in a list that nobody limited


class Order(StrEnum):
    """What comes first in a list of templates."""

    COUNT = "count"
    FIRST = "first"
    LAST = "last"


Host = Annotated[str | None, typer.Option(metavar="NAME", help="Only lines of this host.")]
Service = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only lines of this container or unit, as incidents say it."),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=instants.instant, metavar="TIME", help=f"Only lines from then on: {instants.HELP}."
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=instants.instant, metavar="TIME", help="Only lines before then."),
]
Severity = Annotated[
    Least | None,
    typer.Option(
        parser=least,
        metavar="LEVEL",
        help="Only lines as bad as this: trace, debug, info, warn, error or fatal; or as "
        "journalctl says it, such as err.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help=f"At most N; a list has {FEW} unless told."),
]


def templates(  # noqa: PLR0913, PLR0917 - each narrows the list
    ctx: typer.Context,
    host: Host = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    sort: Annotated[
        Order, typer.Option(help="Most lines first, or the newest, or the latest seen.")
    ] = Order.COUNT,
) -> None:
    """List the kinds of line that are stored: how often, since when, by whom.

    Ids are those that watching uses. The first question about a day reads all its lines; what they
    come to is kept beside them.
    """
    of = wiring.LogSelection(host, service, since, until)
    _list_kinds(open_session(ctx), of, str(sort), limit)


def rare(  # noqa: PLR0913, PLR0917 - each narrows the list
    ctx: typer.Context,
    host: Host = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
) -> None:
    """List the kinds of line that were written least."""
    _list_kinds(open_session(ctx), wiring.LogSelection(host, service, since, until), "rare", limit)


def new(  # noqa: PLR0913, PLR0917 - each narrows the list
    ctx: typer.Context,
    host: Host = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
) -> None:
    """List the kinds of line that a service wrote for the first time in the last hour, or since.

    They are held against all that is stored before.
    """
    session = open_session(ctx)
    began = SystemClock().now() - timedelta(hours=1) if since is None else since
    with progress(session) as told:
        report = wiring.new_templates(
            _place(session), wiring.LogSelection(host, service, began, until), told
        )
    if session.as_json:
        show_json(session.console, report)
        return
    most = FEW if limit is None else limit
    if report.history_from is None:
        session.notes.print(f"Nothing is stored before {minute(began)}: every kind is new.")
    else:
        span = units.print_duration((began - report.history_from).total_seconds())
        before = units.print_count(report.history_lines)
        session.console.print(
            f"New since {minute(began)}, held against {before} lines in {span}: "
            f"{count(len(report.templates), 'kind')} of line.",
            soft_wrap=True,
        )
    if report.newest is not None and report.newest < began:
        session.notes.print(
            f"No line is stored since then: the newest is of {second(report.newest)}."
        )
    for kind in report.templates[:most]:
        print_kind(session.console, kind, f"{count(kind.lines, 'line')} since {second(kind.first)}")
    if len(report.templates) > most:
        session.notes.print(f"The first {most}; --limit shows more.")
    _say_untold(session, report.untold)


def rates(  # noqa: PLR0913, PLR0917 - each narrows the list
    ctx: typer.Context,
    host: Host = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
) -> None:
    """Show the lines a minute of each service, and what is usual; what is not comes first.

    With --service, of each kind of its lines. Shown are six hours unless told otherwise; "now" is
    the last ten minutes of them, "usual" the median of all ten minutes stored before, with what
    nine of ten of them lie between.
    """
    session = open_session(ctx)
    of = wiring.LogSelection(host, service, since, until)
    with progress(session) as told:
        report = wiring.log_rates(_place(session), of, SystemClock().now(), told)
    if session.as_json:
        show_json(session.console, report)
        return
    step = units.print_duration(report.step_seconds)
    session.console.print(
        f"{minute(report.since)} to {minute(report.until)}, {step} a step; lines a minute.",
        soft_wrap=True,
    )
    most = FEW if limit is None else limit
    for rate in report.rates[:most]:
        print_rate(session.console, rate)
    if len(report.rates) > most:
        session.notes.print(f"The first {most} of {len(report.rates)}; --limit shows more.")


def search(  # noqa: PLR0913, PLR0917 - each narrows the search
    ctx: typer.Context,
    pattern: Annotated[
        str | None, typer.Argument(metavar="PATTERN", help="The text to look for; none = any.")
    ] = None,
    regex: Annotated[
        bool, typer.Option("--regex", help="PATTERN is a regular expression (Rust's).")
    ] = False,
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="Upper and lower case are the same.")
    ] = False,
    host: Host = None,
    service: Service = None,
    severity: Severity = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The newest N.")] = 100,
    context: Annotated[
        int | None,
        typer.Option(min=0, max=1000, metavar="N", help="N lines before and after each, too."),
    ] = None,
    around: Annotated[
        int | None,
        typer.Option(metavar="EVENT_ID", help="The line of this id and ten around it, or N."),
    ] = None,
) -> None:
    """Search the stored lines; the newest come last.

    Lines around a line are those of its host; with --service, of that service on it. Long lines are
    cut on a terminal; --json has them whole.
    """
    session = open_session(ctx)
    near = (0 if around is None else 10) if context is None else context
    want = wiring.LogsWanted(
        of=wiring.LogSelection(host, service, since, until),
        pattern=None if pattern is None else wiring.LogPattern(pattern, regex, ignore_case),
        severity=None if severity is None else severity.number,
        event_id=around,
        limit=limit,
        context=near,
    )
    with progress(session) as told:
        found = wiring.search_logs(session.data, want, told)
    if session.as_json:
        lines = found.lines.with_columns(pl.col("event_id").cast(pl.String)).to_dicts()
        answer = {"matching": found.matching, "more": found.more, "lines": lines}
        show_json(session.console, answer)
        return
    expression = None if want.pattern is None else want.pattern.expression
    for text in printed(found.lines, expression, context=near > 0):
        session.console.print(text, soft_wrap=True)
    if found.more:
        session.notes.print(f"The newest {limit}; --limit and --until show older ones.")
    if not found.matching:
        newest = "" if found.newest is None else f" The newest is of {moment(found.newest)}."
        missed = _say_missed(found.missed, severity)
        session.notes.print(f"No stored line matches.{missed or newest}")


def _say_missed(missed: wiring.Missed | None, severity: Least | None) -> str:
    if missed is None:
        return ""
    below = f" below {severity}" if missed.below else ""
    outside = " outside that time" if missed.outside else ""
    matches = "matches" if missed.lines == 1 else "match"
    last = "" if missed.newest is None or missed.lines == 1 else ", the newest"
    of = "" if missed.newest is None else f"{last} of {moment(missed.newest)}"
    return f" {count(missed.lines, 'line')}{of} {matches}{below}{outside}."


def _list_kinds(session: Session, of: wiring.LogSelection, order: str, limit: int | None) -> None:
    most = FEW if limit is None and not session.as_json else limit
    with progress(session) as told:
        report = wiring.log_templates(_place(session), of, order, most, told)
    if session.as_json:
        show_json(session.console, report)
        return
    lines = units.print_count(report.lines)
    span = "no time"
    if report.first is not None and report.last is not None:
        span = units.print_duration((report.last - report.first).total_seconds())
    session.console.print(
        f"{count(report.kinds, 'kind')} of line in {lines} lines of {span}.", soft_wrap=True
    )
    if report.newest is not None:
        session.notes.print(f"The newest stored line is of {second(report.newest)}.")
    for kind in report.templates:
        if order == "rare":
            head = f"{units.print_count(kind.lines)} of {lines} lines in {span}"
        else:
            share = units.print_ratio(kind.lines / max(report.lines, 1))
            head = f"{count(kind.lines, 'line')} ({share})"
        print_kind(session.console, kind, f"{head}, {second(kind.first)} to {second(kind.last)}")
    if len(report.templates) < report.kinds and limit is None:
        session.notes.print(f"{len(report.templates)} of {report.kinds}; --limit shows more.")
    _say_untold(session, report.untold)


def _place(session: Session) -> wiring.LogPlace:
    return wiring.LogPlace(session.data, session.settings.logs.own_masks())


def _say_untold(session: Session, untold: int) -> None:
    if untold:
        session.notes.print(
            f"{count(untold, 'line')} more are of too many different kinds to tell apart."
        )
