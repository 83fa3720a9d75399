"""`boxwatch stress`: a load to see an incident by."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from boxwatch.bench.stress import Load, run
from boxwatch.cli import options
from boxwatch.cli.printing import show
from boxwatch.cli.session import open_session, progress

SEEN_AFTER: Final = 15.0  # seconds within which a load on every core shows, see docs/start.md


def stress(
    ctx: typer.Context,
    load: Annotated[Load, typer.Argument(metavar="LOAD", help="What to load.")],
    for_: Annotated[
        float,
        typer.Option(
            "--for",
            parser=options.seconds,
            metavar="DURATION",
            help="How long; at most 10m.",
            show_default="20s",
        ),
    ] = 20.0,
    share: Annotated[
        float,
        typer.Option(
            parser=options.share,
            metavar="SHARE",
            help="Part of the most it may be, such as 50%.",
            show_default="100%",
        ),
    ] = 1.0,
) -> None:
    """Put a bounded, harmless load on this machine.

    cpu computes on every core; memory holds at most 60 % of what is available; disk writes, syncs
    and reads a file in the data folder and leaves a tenth of the device free; network sends over
    the loopback only; processes starts at most 400 sleeping children. Everything ends after the
    time, at Ctrl-C, and when this command is killed.
    """
    session = open_session(ctx)
    with progress(session) as report:
        result = run(load, for_, session.data, share, report)
    show(session, result)
    expected = expected_of(load, for_, share)
    if expected is not None and not session.as_json:
        session.notes.print(expected)


def expected_of(load: Load, seconds: float, share: float) -> str | None:
    """What watching should have shown of a load; None where that is not promised."""
    if load is not Load.CPU or seconds < SEEN_AFTER or share < 1.0:
        return None
    return (
        "`boxwatch up` in another terminal should have shown an incident of the processors (cpu), "
        "unless they were as busy while it learned what is normal."
    )
