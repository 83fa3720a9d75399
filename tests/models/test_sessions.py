"""Sessions: what most have in common, what is rare, and what may still come."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.errors import ModelError
from boxwatch.models import SessionModel, Sessions

USUAL = {"open": 1, "read": 3, "write": 3, "close": 1}
HOUR = 3600.0


def sessions(*counts, left=10 * HOUR, last=None):
    """Sessions of these counts by template; `last` tells when a template comes."""
    names = sorted({name for one in counts for name in one})
    rows = [
        (n, names.index(k), v, (last or {}).get(k, 1.0))
        for n, one in enumerate(counts)
        for k, v in one.items()
    ]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    lefts = np.broadcast_to(np.asarray(left, float), len(counts))
    return Sessions(names, *columns[:3], columns[3].astype(float), lefts)


def fitted(*strange, usual=200, **how):
    """A model that saw the usual session 200 times, and these besides."""
    model = SessionModel()
    model.fit(sessions(*[USUAL] * usual, *strange, **how))
    return model


def alarms(model, *counts, **how):
    """Which of these sessions are alarms."""
    return model.score(sessions(*counts, **how)).alarm.tolist()


@pytest.mark.parametrize(
    "strange",
    [
        {**USUAL, "panic": 1},
        {"open": 1, "read": 3, "write": 3},
        {**USUAL, "read": 7},
        {**USUAL, "write": 2},
    ],
    ids=["a new line", "a line is missing", "one too often", "one too seldom"],
)
def test_what_is_not_like_the_others_is_an_alarm_with_its_reason(strange):
    """The session that differs is found, and the usual one beside it is not."""
    verdicts = fitted().score(sessions(USUAL, strange))
    assert verdicts.alarm.tolist() == [False, True]
    changed = [name for name in {**USUAL, **strange} if USUAL.get(name) != strange.get(name)]
    assert any(re.search(f"'{changed[0]}'", reason) for reason in verdicts.reasons[1])


def test_failures_in_the_training_logs_do_no_harm():
    """Seen in two of a hundred sessions, a failure is a failure still."""
    failure = {"open": 1, "panic": 1}
    assert alarms(fitted(*[failure] * 4), USUAL, failure) == [False, True]


def test_what_may_still_come_is_not_missing():
    """A session younger than the usual delay of its last line is not judged by it."""
    model = fitted(last={"close": 5 * HOUR})
    begun = {"open": 1, "read": 3, "write": 3}
    assert alarms(model, begun, begun, left=[6 * HOUR, 2 * HOUR]) == [True, False]


def test_counts_that_vary_are_no_rule():
    """A line that comes now once, now nine times, may come five times."""
    varied = [{**USUAL, "served": n % 9 + 1} for n in range(200)]
    assert alarms(fitted(*varied), {**USUAL, "served": 5}, {**USUAL, "served": 12}) == [False] * 2


def test_p_values_are_shares_of_the_training_sessions():
    """The usual session is as strange as all; the strangest as hardly any."""
    p_value = fitted().score(sessions(USUAL, {"panic": 1})).p_value
    assert p_value[0] == pytest.approx(1.0)
    assert 0 < p_value[1] < 0.01


def test_too_few_sessions_are_refused():
    """Nineteen sessions teach nothing, and the error says how many it takes."""
    with pytest.raises(ModelError, match=r"19 sessions .* 20"):
        fitted(usual=19)


COUNTS = st.lists(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 4), min_size=1), min_size=20
)


@settings(max_examples=60, deadline=None)
@given(counts=COUNTS, seed=st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_order_or_company(counts, seed):
    """A session is judged the same alone, among others, and after the model was saved."""
    model = SessionModel()
    model.fit(sessions(*counts))
    again = SessionModel.load(json.loads(json.dumps(model.save())))
    shuffled = list(counts)
    seed.shuffle(shuffled)
    other = SessionModel()
    other.fit(sessions(*shuffled))
    whole = model.score(sessions(*counts))
    alone = [again.score(sessions(one)).score[0] for one in counts]
    assert np.isfinite(whole.score).all()
    assert whole.score.tolist() == pytest.approx(alone)
    assert other.score(sessions(*counts)).score.tolist() == pytest.approx(alone)
