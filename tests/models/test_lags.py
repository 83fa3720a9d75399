"""Rows with the rows before them: the same in one piece as in many, and never from the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.models.lags import lagged


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 30))
def test_cut_anywhere_it_is_the_same(rows, steps, cut):
    """Rows in two pieces, the second with what came before it, are the rows in one piece."""
    x = np.arange(2.0 * rows, dtype=np.float32).reshape(rows, 2)
    cut = min(cut, rows)
    second = lagged(x[cut:], steps, x[:cut] if cut else None)
    assert np.array_equal(np.vstack([lagged(x[:cut], steps), second]), lagged(x, steps))


def test_newest_comes_first():
    """The row itself, then the one before, and so on."""
    x = np.array([[1.0], [2.0], [3.0]], np.float32)
    assert lagged(x, 3).tolist() == [[1, 1, 1], [2, 1, 1], [3, 2, 1]]


@pytest.mark.parametrize("steps", [1, 4])
def test_no_rows_stay_none(steps):
    """An empty table has the right number of columns."""
    assert lagged(np.empty((0, 3), np.float32), steps).shape == (0, 3 * steps)
