"""What may be learned from, and how much of it is remembered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.detections.history import History
from boxwatch.detections.scorer import Doubt


def trusted(*stretches: tuple[bool, int]) -> list[bool]:
    """Whether each window of these stretches (strange or not, how many) was trusted."""
    doubt = Doubt()
    return [doubt.trusts(strange=strange) for strange, count in stretches for _ in range(count)]


def test_ordinary_windows_are_trusted():
    """Nothing strange, nothing in doubt."""
    assert all(trusted((False, 100)))


def test_one_strange_window_is_a_hiccup():
    """A single one is learned from: it belongs to what is ordinary here."""
    assert all(trusted((False, 10), (True, 1), (False, 50)))


def test_two_in_a_row_begin_a_stretch_that_is_left_out():
    """From the second on nothing is learned, until two minutes were ordinary again."""
    seen = trusted((False, 10), (True, 5), (False, 60))
    assert seen[:11] == [True] * 11
    assert seen[11:38] == [False] * 27
    assert seen[38:] == [True] * 37


def test_a_fault_that_flickers_stays_left_out():
    """One strange window after the other, with ordinary ones between them, is one stretch."""
    assert not any(trusted((True, 2), *[(False, 10), (True, 1)] * 20)[1:])


def test_what_lasts_becomes_the_rule():
    """Strange for hours on end, it is learned from; a fault of half an hour is not."""
    seen = trusted((True, 4000))
    first = seen.index(True, 1)
    assert 360 < first < 2880
    assert all(seen[first:])


def row(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One remembered window that names its number."""
    return (
        np.full((1, 2), number, np.float32),
        np.array([0], np.int32),
        np.array([number], np.int64),
    )


def filled(count: int, capacity: int = 100) -> History:
    """A history that was given so many windows, one by one."""
    history = History(2, capacity)
    for number in range(count):
        history.add(*row(number))
    return history


@pytest.mark.parametrize("count", [0, 1, 99, 100])
def test_what_fits_is_kept_whole(count):
    """Up to the capacity nothing is forgotten."""
    history = filled(count)
    history.thin()
    assert history.rows()[2].tolist() == list(range(count))


@given(count=st.integers(101, 2000))
def test_memory_is_bounded_and_thinner_in_the_past(count):
    """Beyond it the older half is thinned: in order, the newest kept whole, the oldest known."""
    history = filled(count)
    history.thin()
    start = history.rows()[2]
    assert 50 <= len(start) <= 100
    assert (np.diff(start) > 0).all()
    assert start[0] == 0
    assert start[-10:].tolist() == list(range(count - 10, count))
    assert np.diff(start)[:20].mean() >= np.diff(start)[-20:].mean()


def test_thinning_does_not_depend_on_turns():
    """Rows that came one by one or all at once are thinned alike."""
    at_once = History(2, 100)
    at_once.add(*(np.concatenate(parts) for parts in zip(*map(row, range(250)), strict=True)))
    one_by_one = filled(250)
    for history in (at_once, one_by_one):
        history.thin()
    for one, other in zip(at_once.rows(), one_by_one.rows(), strict=True):
        assert (one == other).all()


def test_a_saved_history_is_whole():
    """Everything it remembers, in the same order."""
    history, other = filled(70), History(2, 100)
    other.load(history.save())
    for one, saved in zip(history.rows(), other.rows(), strict=True):
        assert (one == saved).all()
        assert one.dtype == saved.dtype
