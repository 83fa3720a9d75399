"""The figures of a drift check: its speed, its false alarms on rows of one kind, what it finds.

A check compares 100 features and is a false one if it names any of them that did not move. Rows
are drawn from one stationary distribution, independent or each like the one before it
(autoregression of the first order); the reference and what is compared are of the same length, and
apart in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch import parts
from boxwatch.bench.result import (
    BenchOptions,
    BenchResult,
    Figure,
    at_least,
    at_most,
    measured,
    not_measured,
    this_machine,
)
from boxwatch.lifecycle import Profile, compare, drifted
from boxwatch.lifecycle.intervals import wilson

FEATURES: Final = 100
ROWS: Final = 1_000_000
SECONDS: Final = 5.0
FALSE_RATIO: Final = 0.01
CHECKS: Final = {1_000: 200, 10_000: 60, 100_000: 10, 1_000_000: 3, 10_000_000: 1}
KINDS: Final = {"independent": 0.0, "alike (.9)": 0.9, "very alike (.99)": 0.99}
# How far one feature moved, in standard deviations, and among how many rows.
SHIFTS: Final = ((1_000, 1.0), (10_000, 0.5), (100_000, 0.5))
FOUND_RATIO: Final = 0.9

_PEER_FEATURES: Final = 5  # of which a peer's time is measured
_POWER_CHECKS: Final = 10
_DRAWN: Final = 4_000_000  # values of a table that are drawn at once, and four times as many rows

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Tables:
    """What counts as usual, and what is compared with it."""

    before: pl.DataFrame
    after: pl.DataFrame


def run(options: BenchOptions) -> BenchResult:
    """Measure all figures; `size` is the number of checks of 1,000 rows, the others fewer alike.

    All of it takes some half an hour and 10 GB of memory, for tables of ten million rows.
    """
    most = CHECKS[1_000] if options.size is None else options.size
    share = min(most / CHECKS[1_000], 1.0)
    figures = [*_speed(options.seed, ROWS if share == 1.0 else ROWS // 10)]
    for rows, checks in CHECKS.items():
        number = int(checks * share)
        for kind, alike in KINDS.items():
            options.progress(f"{rows:,} rows, {kind}", 0, None)
            if number > 0:
                figures.append(_false_checks(f"{rows:,} rows, {kind}", alike, rows, number))
    for rows, shift in SHIFTS:
        options.progress(f"{rows:,} rows, moved", 0, None)
        checks = int(_POWER_CHECKS * share)
        if checks > 0:
            figures += [_power(kind, rows, shift, checks) for kind in KINDS]
    return BenchResult("drift", this_machine(), tuple(figures), _notes())


def stationary(alike: float, rows: int, features: int, seed: int) -> Float64:
    """Normal values, shape (features, rows); neighbours correlate by `alike` from 0 to below 1.

    The autoregression is applied to the whole as to a circle, so it is stationary to its ends.
    """
    drawn = np.random.default_rng(seed).standard_normal((features, rows))
    if alike == 0.0:
        return drawn
    turn = np.exp(-2j * np.pi * np.arange(rows // 2 + 1) / rows)
    response = np.sqrt(1.0 - alike * alike) / (1.0 - alike * turn)
    return np.asarray(np.fft.irfft(np.fft.rfft(drawn, axis=1) * response, rows, axis=1))


def _tables(alike: float, rows: int, seed: int, shift: float = 0.0) -> _Tables:
    """Two stretches of one series, as far apart as each is long; the first feature may move."""
    before, after = {}, {}
    width = min(max(_DRAWN // rows, 1), FEATURES)
    for first in range(0, FEATURES, width):
        width = min(width, FEATURES - first)
        drawn = stationary(alike, 4 * rows, width, seed * FEATURES + first)
        for number, values in enumerate(drawn, first):
            moved = shift if number == 0 else 0.0
            before[f"f{number}"] = values[:rows].astype(np.float32)
            after[f"f{number}"] = (values[2 * rows : 3 * rows] + moved).astype(np.float32)
    return _Tables(pl.DataFrame(before), pl.DataFrame(after))


def _moved(tables: _Tables) -> set[str]:
    return set(drifted(compare(Profile.of(tables.before), tables.after))["feature"])


def _speed(seed: int, rows: int) -> list[Figure]:
    tables = _tables(0.0, rows, seed)
    began = time.perf_counter()
    profile = Profile.of(tables.before)
    made = time.perf_counter()
    compare(profile, tables.after)
    took = time.perf_counter() - made
    name = f"check of {FEATURES} features, {rows:,} rows"
    return [
        at_most(name, took, "s", SECONDS, _peer_seconds(tables)),
        measured(f"profile of {FEATURES} features, {rows:,} rows", made - began, "s"),
        *_default_of_evidently(tables, rows),
    ]


def _false_checks(name: str, alike: float, rows: int, checks: int) -> Figure:
    """How many checks of rows of one kind name a feature, of all; no target of a few."""
    false = peers = 0
    test = _peer("ks-test")
    for number in range(checks):
        tables = _tables(alike, rows, number)
        false += bool(_moved(tables))
        if test is not None:
            peers += test(tables.before, tables.after)
    high = wilson(false, checks)[1]
    told = f"false checks, {name} ({false} of {checks}, at most {high:.1%})"
    peer = None if test is None else ("Kolmogorov-Smirnov, p < .05 of any", peers / checks * 100)
    return at_most(told, false / checks * 100, "%", FALSE_RATIO * 100, peer)


def _power(kind: str, rows: int, shift: float, checks: int) -> Figure:
    """How often the feature that moved is named; a target where rows are independent."""
    found = sum("f0" in _moved(_tables(KINDS[kind], rows, n, shift)) for n in range(checks))
    name = f"found, {shift:g} deviations, {rows:,} rows, {kind}"
    if KINDS[kind] == 0.0:
        return at_least(name, found / checks * 100, "%", FOUND_RATIO * 100)
    return measured(name, found / checks * 100, "%")


def _peer_seconds(tables: _Tables) -> tuple[str, float] | None:
    test = _peer("ks-test")
    if test is None:
        return None
    few = tables.before.columns[:_PEER_FEATURES]
    began = time.perf_counter()
    test(tables.before.select(few), tables.after.select(few))
    took = (time.perf_counter() - began) * FEATURES / _PEER_FEATURES
    return f"scipy {version('scipy')} ks_2samp, from {_PEER_FEATURES} features", took


def _default_of_evidently(tables: _Tables, rows: int) -> list[Figure]:
    """Its own defaults on a hundredth of the same rows."""
    few = rows // 100
    name = f"Evidently's report, {FEATURES} features, {few:,} rows"
    default = _peer("evidently-default")
    if default is None:
        return [not_measured(name, "s", None, "pip install 'boxwatch[evidently]'")]
    began = time.perf_counter()
    default(tables.before.head(few), tables.after.head(few))
    return [measured(name, time.perf_counter() - began, "s")]


def _peer(name: str) -> Callable[[pl.DataFrame, pl.DataFrame], bool] | None:
    try:
        return parts.load(name)
    except ModuleNotFoundError:
        return None


def _notes() -> tuple[str, ...]:
    told = (
        "a check is false if it names any of its features; in brackets: how many of how many, and "
        "the upper end of the 95 % interval of the share (Wilson)",
    )
    return told if _peer("ks-test") is not None else (*told, "no peer: scipy is not installed")
