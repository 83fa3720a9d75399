"""Half-space trees learn while they watch: what lasts becomes usual, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.errors import ModelError
from boxwatch.models.half_space_trees import HalfSpaceTrees


def rows(seed, centre=0.0, count=1000):
    """Four features about `centre`."""
    rng = np.random.default_rng(seed)
    return (centre + rng.standard_normal((count, 4))).astype(np.float32)


@pytest.fixture
def model():
    """Trees that have seen two usual situations, and judge by the first."""
    made = HalfSpaceTrees(window=500)
    made.fit(np.vstack([rows(0, -3.0), rows(1, 3.0, 200)]), 1)
    return made


def test_what_lasts_becomes_usual(model):
    """After a window of rows about 3, they score less than before, and those about -3 more."""
    there, here = rows(2, 3.0), rows(3, -3.0)
    before = model.score(there).mean(), model.score(here).mean()
    model.learn(rows(4, 3.0, 500))
    assert model.score(there).mean() < before[0]
    assert model.score(here).mean() > before[1]


def test_a_window_that_is_not_full_changes_nothing(model):
    """Rows count from the moment on when their window is full."""
    x = rows(2, 3.0)
    before = model.score(x)
    model.learn(rows(4, 3.0, 499))
    assert np.array_equal(model.score(x), before)
    model.learn(rows(5, 3.0, 1))
    assert not np.array_equal(model.score(x), before)


@pytest.mark.parametrize("cut", [1, 499, 500, 501, 1200])
def test_learned_in_pieces_is_learned_in_one(model, cut):
    """How rows are cut into calls does not matter, nor a restart between them."""
    other = HalfSpaceTrees.load(model.save())
    x = rows(6, 1.0, 1300)
    model.learn(x)
    other.learn(x[:cut])
    other = HalfSpaceTrees.load(other.save())
    other.learn(x[cut:])
    assert np.array_equal(model.score(x), other.score(x))


def test_it_learns_only_after_a_fit():
    """Without ranges there is nothing to cut."""
    with pytest.raises(ModelError, match="has not been fitted"):
        HalfSpaceTrees().learn(rows(0))
