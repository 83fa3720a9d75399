"""What labels say of alarms, and how sure that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.lifecycle.drift import Precision, meaning, qualities
from boxwatch.lifecycle.drift.quality import difference

RIGHTS = st.lists(st.booleans(), max_size=60)


def right(hits: int, of: int) -> list[bool]:
    """Alarms of which the first so many were right."""
    return [number < hits for number in range(of)]


def test_precision_has_its_interval():
    """Nine of ten, by Wilson's bounds; nobody labelled: unknown, from 0 to 1."""
    one = Precision.of(right(9, 10))
    assert (one.real, one.false, one.share) == (9, 1, 0.9)
    assert (one.low, one.high) == (pytest.approx(0.596, abs=1e-3), pytest.approx(0.982, abs=1e-3))
    assert Precision.of([]) == Precision(0, 0, None, 0.0, 1.0)


def test_newcombes_own_example():
    """56 of 70 less 48 of 80 (his table II, a, method 10): .0524 to .3339."""
    found = difference(Precision.of(right(56, 70)), Precision.of(right(48, 80)))
    assert found == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_a_few_labels_prove_no_loss():
    """Of two alarms one was false where none of two was before: nothing is known."""
    assert qualities(right(2, 2), right(1, 2)) == []


def test_a_loss_that_labels_prove_is_told():
    """From nearly all to half, over many labels."""
    found = qualities(right(19, 20), right(10, 20))
    assert found[-1] == 0.5
    assert meaning(inputs_moved=False, qualities=found).priority == "P0"


def test_many_labels_prove_that_nothing_was_lost():
    """A thousand each: moved inputs that cost nothing are P3."""
    found = qualities(right(9, 10) * 100, right(9, 10) * 100)
    assert meaning(inputs_moved=True, qualities=found).priority == "P3"


def test_scores_that_move_alone_are_a_new_concept():
    """Inputs as ever, scores elsewhere, no labels: a suspicion of the second degree."""
    found = meaning(inputs_moved=False, qualities=[], outputs_moved=True)
    assert (found.kind, found.priority) == ("concept drift", "P2")


@given(RIGHTS, RIGHTS)
def test_the_interval_holds_the_difference(one, other):
    """Whatever was labelled, within -1 to 1."""
    before, late = Precision.of(one), Precision.of(other)
    low, high = difference(before, late)
    assert -1.0 <= low <= high <= 1.0
    if before.share is not None and late.share is not None:
        assert low - 1e-9 <= before.share - late.share <= high + 1e-9
