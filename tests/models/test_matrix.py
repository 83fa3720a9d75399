"""What happens to a matrix at the door, and sums that do not depend on their company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from boxwatch.errors import ModelError
from boxwatch.models.matrix import (
    LIMIT,
    body_scale,
    clean,
    row_product,
    squared_distances,
    training_rows,
)

ANYTHING = arrays(
    np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32, allow_nan=True)
)


@given(ANYTHING)
def test_clean_is_finite_and_held(x):
    """Whatever comes in, what goes on is float64 within ±LIMIT, and unknown is 0."""
    cleaned = clean(x)
    assert cleaned.dtype == np.float64
    assert np.all(np.abs(cleaned) <= LIMIT)
    assert np.all(cleaned[np.isnan(x)] == 0.0)


@given(ANYTHING, st.randoms(use_true_random=False))
def test_training_rows_forget_how_they_came(x, random):
    """The same rows in any order come out in the same order."""
    order = list(range(len(x)))
    random.shuffle(order)
    assert np.array_equal(training_rows(x, 1, "it"), training_rows(x[order], 1, "it"))


def test_training_rows_keep_every_row():
    """Ordering loses and invents nothing, doubled rows included."""
    x = np.random.default_rng(0).integers(0, 3, (200, 3)).astype(np.float32)
    assert sorted(map(tuple, training_rows(x, 1, "it"))) == sorted(map(tuple, x.astype(float)))


@pytest.mark.parametrize("width", [1, 2, 30])
def test_row_product_is_the_matrix_product(width):
    """As `@`, over more rows than one block."""
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((2500, width)), rng.standard_normal((width, 7))
    assert np.allclose(row_product(x, weights), x @ weights)


def test_squared_distances_are_those_of_the_differences():
    """As the definition says, over more rows than one block."""
    rng = np.random.default_rng(0)
    x, centres = rng.standard_normal((1500, 4)), rng.standard_normal((6, 4))
    expected = np.square(x[:, None, :] - centres).sum(axis=2)
    assert np.allclose(squared_distances(x, centres), expected)


def test_scale_is_one_for_a_normal_feature_and_more_for_a_wide_one():
    """A feature of spread 5 has about that scale; calm and normal ones have 1."""
    x = np.random.default_rng(0).standard_normal((5000, 3)) * [0.1, 1.0, 5.0]
    calm, usual, wide = body_scale(x)
    assert calm == 1.0
    assert usual == pytest.approx(1.0, abs=0.05)
    assert 3.5 < wide < 5.5


def test_fault_in_one_percent_does_not_move_the_body_scale():
    """The 98th percentile does not see it."""
    x = np.random.default_rng(0).standard_normal((1000, 1))
    x[::100] = 1000.0
    assert body_scale(x)[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "x", [np.zeros(3, np.float32), np.zeros((2, 2), np.int64), np.zeros((2, 2, 2))]
)
def test_what_is_no_float_matrix_is_refused(x):
    """The error names the type and shape that came."""
    with pytest.raises(ModelError, match="takes a float matrix"):
        clean(x)
