"""Sessions as lines in order: their windows see every line once, their counts are those of sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models import orders

from boxwatch.models import endings
from boxwatch.models.sequences import CONTEXT, FIRST_CODE, OTHER, START, STEPS, UNJUDGED, coded

ORDERS = st.lists(st.lists(st.sampled_from("abcd"), max_size=3 * STEPS), max_size=6)


def codes_of(sequences):
    """Each template its code; "d" has none."""
    codes = np.array([OTHER if name == "d" else ord(name) - 95 for name in sequences.templates])
    return codes.astype(np.int64)[sequences.template] if len(codes) else sequences.template


@given(ORDERS)
def test_windows_judge_every_line_with_a_code_once(lines):
    """However long a session, each of its lines is judged once, and read where it stands."""
    sequences = orders.sequences(*lines)
    whole = coded(sequences, codes_of(sequences))
    judged = np.zeros(len(whole.codes), int)
    for read, come, where in whole.batches(2):
        seen = come != UNJUDGED
        assert (whole.codes[where[seen] - 1] == read[seen]).all()
        assert (whole.codes[where[seen]] == come[seen]).all()
        np.add.at(judged, where[seen], 1)
    assert (judged == (whole.codes >= FIRST_CODE)).all()


@given(ORDERS)
def test_later_windows_have_context(lines):
    """A line far into a session is judged with at least CONTEXT lines before it."""
    sequences = orders.sequences(*lines)
    whole = coded(sequences, codes_of(sequences))
    for read, come, _ in whole.batches(100):
        begins = read[:, 0] == START
        assert (come[~begins, :CONTEXT] == UNJUDGED).all()


@given(ORDERS)
def test_counts_are_those_of_the_lines(lines):
    """Without their order, sessions are how often each template comes, and when last."""
    sequences = orders.sequences(*lines)
    counts = sequences.counted()
    found = {
        (int(session), counts.templates[template]): (int(count), float(last))
        for session, template, count, last in zip(
            counts.session, counts.template, counts.count, counts.last, strict=True
        )
    }
    assert found == {
        (number, name): (
            line.count(name),
            float(max(n for n, one in enumerate(line) if one == name)),
        )
        for number, line in enumerate(lines)
        for name in line
    }


@given(ORDERS, st.randoms(use_true_random=False))
def test_selected_sessions_are_the_sessions(lines, random):
    """Any sessions, in any order, keep their lines and times."""
    rows = [random.randrange(len(lines)) for _ in range(4)] if lines else []
    sequences = orders.sequences(*lines)
    chosen = sequences.select(np.array(rows, np.int64))
    texts = [
        [chosen.templates[one] for one in part]
        for part in np.split(chosen.template, chosen.first[1:-1])
    ]
    assert (texts if rows else []) == [lines[row] for row in rows]


def test_a_line_is_told_by_how_often_it_came():
    """The second read of a session is another state than the first."""
    sequences = orders.sequences(("a", "b", "a"), ("a",))
    states = endings.states(sequences, codes_of(sequences))
    assert states[0] == states[3]
    assert len({*states.tolist()}) == 3


@pytest.mark.parametrize("left", [1.0, 1e9])
def test_sessions_end_where_they_end(left):
    """The share of those that ended counts all, also those that may go on."""
    sequences = orders.sequences(*[("a", "b")] * 99, ("a",), left=left)
    states = endings.states(sequences, codes_of(sequences))
    shares = endings.shares(sequences, states, endings.size(4))
    assert shares[states[0]] == pytest.approx(1.5 / 101)
    assert shares[states[1]] == pytest.approx(99.5 / 100)
