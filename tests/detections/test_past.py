"""The last rows of entities: the same stretches whatever the turns, bounded, saved."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.detections import Past
from boxwatch.models import SPAN

PAUSE = 4


def rows(count, entities=3, seed=0):
    """Rows of entities that come in any order, each known by its own number; and when."""
    who = np.random.default_rng(seed).integers(0, entities, count)
    return np.arange(count, dtype=np.float64)[:, None], who, np.arange(count) // 4


def stretches(past, x, who, start):
    """The values of each row's stretch."""
    found = past.follow(x, who, start)
    assert np.array_equal(found.rows[found.at], x)
    assert np.array_equal(who[found.owner[found.at]], who)
    return found.rows[found.places(np.arange(len(x)))][:, :, 0], found.known


def expected(x, who, start, row):
    """A row's stretch, by the book."""
    mine = [at for at in range(row + 1) if who[at] == who[row]]
    for number in range(len(mine) - 1, 0, -1):
        if start[mine[number]] - start[mine[number - 1]] > PAUSE:
            mine = mine[number:]
            break
    mine = mine[-SPAN:]
    return [x[at, 0] for at in [mine[0]] * (SPAN - len(mine)) + mine], len(mine) - 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(0, 99))
def test_turns_play_no_part(turns, seed):
    """However rows are cut into turns, a row stands among the same rows before it."""
    count = sum(turns)
    x, who, start = rows(count, seed=seed)
    whole, known = stretches(Past(1, PAUSE), x, who, start)
    past, edges = Past(1, PAUSE), np.cumsum([0, *turns])
    parts = [stretches(past, x[a:b], who[a:b], start[a:b]) for a, b in pairwise(edges.tolist())]
    assert np.array_equal(np.vstack([one for one, _ in parts]), whole)
    assert np.array_equal(np.concatenate([one for _, one in parts]), known)


@given(st.integers(1, 120), st.integers(1, 5), st.integers(0, 99))
def test_a_stretch_is_the_rows_of_its_entity(count, entities, seed):
    """Each row's stretch holds its entity's latest rows since the last pause, and no others."""
    x, who, start = rows(count, entities, seed)
    start = np.cumsum(
        np.random.default_rng(seed).choice([0, 1, 3, 9], count, p=[0.7, 0.2, 0.08, 0.02])
    )
    found, known = stretches(Past(1, PAUSE), x, who, start)
    for row in range(count):
        values, before = expected(x, who, start, row)
        assert found[row].tolist() == values
        assert known[row] == before


def test_fewer_rows_before_can_be_asked_for():
    """With a limit the oldest allowed row stands for those before it."""
    x = np.arange(50.0)[:, None]
    found = Past(1, PAUSE).follow(x, np.zeros(50, int), np.arange(50))
    places = found.places(np.array([40]), np.array([2]))
    assert found.rows[places][0, :, 0].tolist() == [38.0] * (SPAN - 2) + [39.0, 40.0]


def test_saved_and_loaded_it_goes_on():
    """What was saved is all of the state."""
    x, who, start = rows(100)
    one, other = Past(1, PAUSE), Past(1, PAUSE)
    one.follow(x[:60], who[:60], start[:60])
    other.load(one.save())
    after = x[60:], who[60:], start[60:]
    assert np.array_equal(stretches(one, *after)[0], stretches(other, *after)[0])


def test_memory_is_bounded_by_entities():
    """However many rows came, `SPAN` - 1 are kept of each entity."""
    past = Past(1, PAUSE)
    for turn in range(20):
        x, who, start = rows(500, entities=7, seed=turn)
        past.follow(x, who, start + 500 * turn)
    assert past.save()["rows"].shape == (7, SPAN - 1, 1)


def test_who_is_gone_is_forgotten():
    """Entities are renumbered; those that stay keep their rows."""
    x, who, start = rows(200)
    one, other = Past(1, PAUSE), Past(1, PAUSE)
    one.follow(x, who, start)
    other.follow(x[who == 2], np.zeros(int((who == 2).sum()), int), start[who == 2])
    one.keep(np.array([-1, -1, 0]))
    after = np.full((1, 1), 7.0), np.zeros(1, int), start[-1:]
    assert np.array_equal(stretches(one, *after)[0], stretches(other, *after)[0])


def test_no_rows_are_no_stretches():
    """Nothing in, nothing out."""
    found = Past(2, PAUSE).follow(np.empty((0, 2)), np.empty(0, int), np.empty(0, int))
    assert found.places(np.empty(0, int)).shape == (0, SPAN)
    assert found.known.tolist() == pytest.approx([])
