"""The same windows, however events are cut into turns; to the last bit, whatever threads do."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.features import small_box

from boxwatch.events.schema import SAMPLES, Events
from boxwatch.features import VIEWS, WindowBuilder

SECONDS = 180


def many_disks() -> pl.DataFrame:
    """The small box with sixty disks more, whose rates add up to one."""
    rng = np.random.default_rng(0)
    written = rng.uniform(0, 1e9, 60)
    rows = []
    for second in range(SECONDS):
        time = small_box.START + timedelta(seconds=second)
        written += rng.uniform(0, 3e6, 60)
        rows += [
            (time, "box", "host", f"disk:{number}", "written_bytes_total", float(total), None)
            for number, total in enumerate(written)
        ]
    disks = pl.DataFrame(rows, schema=dict(SAMPLES), orient="row")
    return pl.concat([small_box.samples(SECONDS), disks]).sort("time", maintain_order=True)


WHOLE = Events(logs=small_box.logs(SECONDS), samples=many_disks())
END = small_box.START + timedelta(seconds=SECONDS + 30)


def windows(ends: list[float], *, save: bool = False) -> dict[str, pl.DataFrame]:
    """All windows by view, of turns that end at these seconds and a last one."""
    builder = WindowBuilder()
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in VIEWS}
    low = small_box.START
    for high in [*(small_box.START + timedelta(seconds=end) for end in sorted(ends)), END]:
        mine = (pl.col("time") >= low) & (pl.col("time") < high)
        turn = Events(logs=WHOLE.logs.filter(mine), samples=WHOLE.samples.filter(mine))
        for name, frame in builder.add(turn, high)[0].items():
            parts[name].append(frame)
        low = high
        if save:
            saved, builder = builder.save(), WindowBuilder()
            builder.load(saved)
    return {name: pl.concat(frames) for name, frames in parts.items()}


def assert_same(
    one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame], *, exact: bool = False
) -> None:
    """All of both; means of other turns may differ by the rounding of one addition."""
    for name in VIEWS:
        assert one[name].height > 10
        order = ["start", "entity"]
        assert_frame_equal(
            one[name].sort(order), other[name].sort(order), check_exact=exact, rel_tol=1e-14
        )


@pytest.fixture(scope="module")
def at_once() -> dict[str, pl.DataFrame]:
    """One turn."""
    return windows([])


@pytest.mark.parametrize("every_s", [5, 60])
def test_a_turn_for_every_window_is_like_one_for_all(at_once, every_s):
    """Live turns close one window each, a collected hour closes hundreds at once."""
    assert_same(windows([float(end) for end in range(every_s, SECONDS, every_s)]), at_once)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.floats(0.1, SECONDS), max_size=12))
def test_turns_may_end_anywhere(at_once, ends):
    """Within a window, within a second: it makes no difference."""
    assert_same(windows(ends), at_once)


def test_a_saved_builder_is_the_same_builder(at_once):
    """Saved and loaded after every turn, bit by bit."""
    ends = [float(end) for end in range(7, SECONDS, 11)]
    assert_same(windows(ends, save=True), windows(ends), exact=True)


def test_the_threads_play_no_part(at_once):
    """Tables are grouped in parallel, and sums do not tell in which order."""
    for _ in range(3):
        assert_same(windows([]), at_once, exact=True)
