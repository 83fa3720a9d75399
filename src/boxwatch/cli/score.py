"""`boxwatch score`: judge the readings of any table by those of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from boxwatch import units, wiring
from boxwatch.cli.printing import record, show
from boxwatch.cli.session import open_session
from boxwatch.errors import UsageError


def score(  # noqa: PLR0913, PLR0917 - two files, their clock, the budget, and where to
    ctx: typer.Context,
    train: Annotated[Path, typer.Option(metavar="FILE", help="The table to learn from.")],
    test: Annotated[Path, typer.Option(metavar="FILE", help="The table to judge.")],
    interval: Annotated[
        str, typer.Option(metavar="DURATION", help="From one row to the next, such as 60s.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The Parquet file to write.")],
    budget: Annotated[
        str, typer.Option(metavar="N/TIME", help="False alarms that can be borne, such as 1/day.")
    ] = "1/week",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Judge every row of one table by another and by the rows before it; no labels are needed.

    CSV, Parquet or npz; rows are readings in time order, columns are metrics, told by their names.
    Writes one row for each: score, p_value, alarm, contributions. Threshold and all else come from
    the training table alone, and no row sees a later one.
    """
    session = open_session(ctx)
    try:
        interval_s = units.duration(interval)
    except ValueError as error:
        raise UsageError(f"--interval: {error}") from None
    if interval_s <= 0:
        raise UsageError("--interval is zero.", hint="Say how far apart the rows are: 60s.")
    per_day = _per_day(budget)
    report = wiring.score_table(train, test, interval_s, per_day, out, seed)
    told = record(report)
    if not session.as_json:
        del told["occasions"]
        if report.alarms > 0:
            told["alarms"] = (
                f"{_many(report.alarms, 'row')} on {_many(report.occasions, 'occasion')}"
            )
    show(session, told)


def _many(count: int, what: str) -> str:
    return f"{units.print_count(count)} {what}{'' if count == 1 else 's'}"


def _per_day(budget: str) -> float:
    """False alarms a day of `1/day`, `2/week`, `1/12h`."""
    count, slash, time = budget.partition("/")
    try:
        number = float(count)
        time_s = units.duration(time if time[:1].isdigit() else f"1{time}")
    except ValueError:
        number, time_s = -1.0, 0.0
    if not slash or not 0.0 <= number < float("inf") or time_s <= 0.0:
        raise UsageError(
            f"--budget is {budget!r}, which is no number of alarms in a time.",
            hint='Allowed: "1/day", "2/week", "1/12h", or "0/day" for none.',
        )
    return number * 86_400.0 / time_s
