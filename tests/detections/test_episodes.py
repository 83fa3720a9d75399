"""Windows beyond the false-alarm budget become findings that open, grow and end."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detections import made

from boxwatch.detections import Detection, Episodes
from boxwatch.models import threshold

ALPHA = 1e-6
FAR, BETWEEN, ORDINARY = 1e-8, 5e-4, 0.5  # beyond the budget; not normal either; normal


def found(p_values: Sequence[float], alpha: float = ALPHA, **what) -> list[Detection]:
    """Every word said about these windows, one window a turn."""
    episodes = Episodes({"host": alpha})
    whole = made.scores(p_values, **what)
    return [word for number in range(len(whole)) for word in episodes.add(whole[number])]


def test_two_windows_in_a_row_open_a_finding():
    """It begins with the first of them, and is open."""
    (word,) = found([ORDINARY, ORDINARY, FAR, FAR])
    assert (word.start, word.end, word.open) == (made.at(2), made.at(4), True)
    assert word.reasons[0].metric == "busy"


def test_one_hiccup_opens_none():
    """A single window beyond the threshold, however far, however often, is no finding."""
    assert found([FAR, ORDINARY] * 10) == []


def test_a_window_that_is_merely_not_normal_opens_none():
    """What opens a finding is the budget's threshold."""
    assert found([BETWEEN] * 20) == []


def test_it_ends_when_it_has_been_quiet():
    """Four ordinary windows end it, at the last instant it was seen."""
    last = found([FAR] * 5 + [ORDINARY] * 8)[-1]
    assert (last.end, last.open) == (made.at(5), False)


def test_a_short_lull_does_not_end_it():
    """Three ordinary windows between strange ones are part of one finding."""
    words = found([FAR] * 3 + [ORDINARY] * 3 + [FAR] * 3 + [ORDINARY] * 9)
    assert len({word.id for word in words}) == 1
    assert words[-1].end == made.at(9)


def test_what_is_not_normal_yet_prolongs_it():
    """Once it is open, it goes on until windows are normal again."""
    words = found([FAR] * 2 + [BETWEEN] * 30 + [ORDINARY] * 4)
    assert (words[-1].end, words[-1].open) == (made.at(32), False)


def test_after_its_end_the_same_may_begin_again():
    """Another finding, with an identity of its own."""
    words = found(([FAR] * 3 + [ORDINARY] * 6) * 2)
    assert len({word.id for word in words}) == 2


def test_it_carries_the_strangest_moment():
    """The least p-value so far, whatever came after."""
    assert found([FAR, FAR, 1e-12, FAR, BETWEEN])[-1].p_value == 1e-12


def test_entities_share_their_host_s_budget():
    """What is beyond the threshold of a host with one card is not, with four of them."""
    near = ALPHA * 0.9  # two windows are asked for, so the level of one is twice as high
    names = [f"gpu:{number}" for number in range(4)]
    quiet = pl.concat([made.scores([ORDINARY], entity=name) for name in names])
    alone, many = Episodes({"host": ALPHA}), Episodes({"host": ALPHA})
    many.add(quiet)
    strange = made.scores([near, near], entity="gpu:0", first=1)
    assert len(alone.add(strange)) == 1
    assert many.add(strange) == []


@pytest.mark.parametrize("cut", range(1, 12))
def test_saved_and_loaded_it_goes_on(cut):
    """Wherever it stops, what is said afterwards is the same."""
    whole = made.scores([ORDINARY, FAR, FAR, FAR, ORDINARY, FAR] + [ORDINARY] * 6)
    first, second = Episodes({"host": ALPHA}), Episodes({"host": ALPHA})
    first.add(whole[:cut])
    second.load(first.save())
    assert second.add(whole[cut:]) == first.add(whole[cut:])
    assert second.save() == first.save()


LEVELS = st.sampled_from([1e-12, 1e-8, 3e-7, 1e-6, 1e-5, 1e-4, 5e-4, 2e-3, 0.1, 1.0])


@given(st.lists(LEVELS, max_size=80), st.integers(0, 80))
def test_findings_do_not_depend_on_turns(p_values, cut):
    """Cut into turns or not, each finding ends up the same."""
    episodes, alone = Episodes({"host": ALPHA}), Episodes({"host": ALPHA})
    whole = made.scores(p_values)
    words = [*episodes.add(whole[:cut]), *episodes.add(whole[cut:])]
    last = {word.id: word for word in words}
    assert last == {word.id: word for word in alone.add(whole)}


@given(
    st.lists(LEVELS, max_size=120),
    st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted),
)
def test_alarms_never_rise_when_the_budget_falls(p_values, budgets):
    """Fewer false alarms allowed a week: never more findings from the same windows."""
    counts = [
        len({word.id for word in found(p_values, threshold(budget, made.STEP_S, 1.0))})
        for budget in budgets
    ]
    assert counts[0] <= counts[1]
