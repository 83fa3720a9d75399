"""Closeness of templates: what says the same is near, what says something else is not."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.models.closeness import SAME, Closeness

WORDS = ["disk", "failed", "read", "node", "timeout", "cache", "socket", "closed", "retry", "no"]
TEMPLATE = st.lists(st.sampled_from([*WORDS, "<*>"]), min_size=1, max_size=8).map(" ".join)
KNOWN = [
    "failed to read block <*> from disk <*>",
    "connection to <*> timed out after <*> s",
    "session opened for user <*>",
    "certificate of <*> has expired",
]


def knowing(*templates, group=""):
    """What it is like to know these."""
    closeness = Closeness()
    for template in templates:
        closeness.add(template, group)
    return closeness


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("Failed to read block <*> from the disk <*>", KNOWN[0]),
        ("connection to <*> timed out", KNOWN[1]),
        ("certificateExpired: the certificate of <*> has expired", KNOWN[3]),
    ],
)
def test_other_words_for_the_same_are_near(new, old):
    """Another spelling, an article more, an end less: the old line is named, and it is near."""
    near = knowing(*KNOWN).nearest(new)
    assert near.template == old
    assert near.closeness >= SAME


def test_the_same_line_is_at_one():
    """Nothing is nearer than the line itself."""
    near = knowing(*KNOWN).nearest(KNOWN[2])
    assert (near.template, round(near.closeness, 9)) == (KNOWN[2], 1.0)


@pytest.mark.parametrize(
    "new",
    ["GPU <*> has fallen off the bus", "failed to write journal <*>", "user <*> not in sudoers"],
)
def test_something_else_is_not_near(new):
    """A word in common is not enough."""
    near = knowing(*KNOWN).nearest(new)
    assert near is None or near.closeness < SAME


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (
            "alerts of card <*> are not active on the board",
            "alerts of card <*> are active on the board",
        ),
        (
            "transition of task <*> to FAILED_CLEANUP done",
            "transition of task <*> to OK_CLEANUP done",
        ),
    ],
)
def test_what_turns_the_meaning_round_is_not_near(new, old):
    """Denied, or failed in place of succeeded: few other letters, another meaning."""
    assert knowing(old).nearest(new).closeness < SAME


def test_what_another_service_said_does_not_count():
    """Each group has its own lines."""
    closeness = knowing(KNOWN[0], group="kubelet")
    assert closeness.nearest(KNOWN[0], "ollama") is None
    assert closeness.nearest(KNOWN[0], "kubelet") is not None


@pytest.mark.parametrize("nothing", ["", "<*>", "--- <*> ::"])
def test_without_words_nothing_is_near(nothing):
    """A template of signs has nothing to compare, known or new."""
    closeness = knowing(*KNOWN, nothing)
    assert closeness.nearest(nothing) is None
    assert closeness.nearest(KNOWN[0]).template == KNOWN[0]


def test_words_that_all_have_count_less():
    """Of two lines with one word in common each, the one with the rare word is nearer."""
    common = [f"request {word} served" for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    near = knowing(*common, "tokeniser crashed").nearest("request for tokeniser")
    assert near.template == "tokeniser crashed"


@settings(deadline=None)
@given(st.lists(TEMPLATE, min_size=1, max_size=30), TEMPLATE)
def test_the_nearest_is_that_of_a_search_through_all(known, new):
    """The index finds what comparing with each known template one by one finds."""
    closeness = knowing(*known)
    found = closeness.nearest(new)
    alone = [closeness_of(closeness, new, one) for one in dict.fromkeys(known)]
    best = max(alone)
    assert (0.0 if found is None else found.closeness) == pytest.approx(best, abs=1e-9)
    assert 0.0 <= best <= 1.0 + 1e-9


def pairs(closeness):
    """What it knows."""
    return [("", template) for group in closeness.save()["groups"].values() for template in group]


def closeness_of(closeness, new, old):
    """The closeness of two templates by the definition, word by word."""

    def grams(text):
        words = text.replace("<*>", " ").split()
        return {*words, *(f" {word} "[n : n + 3] for word in words for n in range(len(word)))}

    known = [grams(template) for _, template in pairs(closeness)]
    a, b = grams(new), grams(old)
    weight = {
        gram: (1 + math.log((len(known) + 1) / (sum(gram in one for one in known) + 1))) ** 2
        for gram in a | b
    }
    if not a or not b:
        return 0.0
    turned = [("no" in one.split(), "failed" in one.split()) for one in (new, old)]
    cosine = sum(weight[gram] for gram in a & b) / math.sqrt(
        sum(weight[gram] for gram in a) * sum(weight[gram] for gram in b)
    )
    return cosine / 2 if turned[0] != turned[1] else cosine


@given(st.lists(st.tuples(st.sampled_from("ab"), TEMPLATE), max_size=20), TEMPLATE)
def test_saved_and_loaded_it_answers_the_same(known, new):
    """State goes through JSON; the answers are those of the one that never stopped."""
    closeness, other = Closeness(), Closeness()
    for group, template in known:
        closeness.add(template, group)
    other.load(json.loads(json.dumps(closeness.save())))
    for group in "ab":
        assert other.nearest(new, group) == closeness.nearest(new, group)
    assert other.save() == closeness.save()


def test_it_remembers_so_many_and_counts_what_it_forgot():
    """When it is full the older half goes, and what stays is still found."""
    closeness = Closeness(capacity=100)
    for number in range(250):
        closeness.add(f"alpha{number} beta{number}")
    assert len(closeness) <= 100
    assert len(closeness) + closeness.forgotten == 250
    assert closeness.nearest("alpha249 beta249").template == "alpha249 beta249"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_compared(known, new):
    """Whatever lines hold, closeness is a number from 0 to 1."""
    near = knowing(known).nearest(new)
    assert near is None or 0.0 <= near.closeness <= 1.0
