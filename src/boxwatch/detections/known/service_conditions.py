"""Conditions on what model servers say of themselves: alive, working, keeping up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from boxwatch.detections.known.condition import Condition, Parameters

WIDE: Final = (
    "answers",
    "steps_total",
    "tokens_generated_total",
    "requests_finished_total",
    "requests_running",
    "requests_waiting",
)
BEFORE: Final = ("steps_total", "tokens_generated_total", "requests_finished_total")


def _changed(counter: str) -> pl.Expr:
    """Whether a counter moved since it was last known; a reset is a move too."""
    return pl.col(counter) != pl.col(f"before:{counter}")


def _in_hand() -> pl.Expr:
    """Requests running or waiting; null where neither is known."""
    known = pl.col("requests_running").is_not_null() | pl.col("requests_waiting").is_not_null()
    return pl.when(known).then(pl.sum_horizontal("requests_running", "requests_waiting"))


def _stalled(moved: pl.Expr) -> Condition:
    busy = _in_hand() > 0
    return Condition(
        metric="tokens_generated_total",
        bad=busy & ~moved,
        well=moved | ~busy,
        values=(
            pl.col("requests_running").fill_null(float("nan")).alias("running"),
            pl.col("requests_waiting").fill_null(float("nan")).alias("waiting"),
            pl.col("tokens_generated_total").fill_null(float("nan")).alias("tokens"),
        ),
    )


def _stuck(_: Parameters) -> Condition:
    """Requests in hand and no step of the engine: for servers that count their steps."""
    return _stalled(_changed("steps_total"))


def _endless(_: Parameters) -> Condition:
    """Requests in hand, none ends and no token comes: for servers that count at the end only."""
    ended = [_changed(name) for name in ("tokens_generated_total", "requests_finished_total")]
    moved = pl.any_horizontal(*(one.fill_null(value=False) for one in ended))
    known = pl.any_horizontal(*(one.is_not_null() for one in ended))
    uncounted = pl.col("steps_total").is_null() & pl.col("before:steps_total").is_null()
    return _stalled(pl.when(known & uncounted).then(moved))


def _piling_up(parameters: Parameters) -> Condition:
    waiting, running = pl.col("requests_waiting"), pl.col("requests_running").fill_null(0.0)
    least, times = float(parameters["least"]), float(parameters["times_running"])
    many = (waiting >= least) & (waiting >= times * running)
    return Condition(
        metric="requests_waiting",
        bad=many,
        well=waiting < least / 2,
        values=(
            waiting.alias("waiting"),
            pl.col("requests_running").fill_null(float("nan")).alias("running"),
        ),
    )


def _no_answer(_: Parameters) -> Condition:
    answers = pl.col("answers")
    return Condition(
        metric="answers",
        bad=answers == 0,
        well=answers == 1,
        values=(pl.col("time").dt.strftime("%H:%M:%S UTC").alias("tried"),),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Parameters], Condition]]]] = {
    "service_endless": ("service", _endless),
    "service_piling_up": ("service", _piling_up),
    "service_silent": ("service", _no_answer),
    "service_stuck": ("service", _stuck),
}
