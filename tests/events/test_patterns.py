"""A pattern means the same to the engine of columns and to that of a line alone."""

import re

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boxwatch.events.patterns import in_columns, tokens, trouble

PIECES = st.sampled_from(
    [
        *(r"\w", r"\d", r"\s", r"\b", r"\W", r"\D", r"\S", r"\B", r"[\w-]", r"[^\W_]", r"[\s\d]"),
        *("a", "[^a]", ".", "+", "*?", "{2}", "|", "(?:", ")", r"\.", r"\[", r"\<", r"\\", "é"),
        *("(?i:", "[", "++", r"[\S]", r"\\w", r"[\\w]", "b", r"\t", r"[]\]]", "-", "?", "{,2}"),
    ]
)
TEXTS = st.text(st.sampled_from("aé1_\u0663 \t\u00a0<b-\\[].]日w"), min_size=1) | st.text(
    min_size=1, max_size=8
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.lists(TEXTS, max_size=6))
def test_two_engines_read_it_alike(pattern, texts):
    """What is found stands at the same places, words beyond ASCII or not."""
    assume(not trouble(pattern))
    found = re.compile(pattern, re.ASCII)
    assume(all(match[0] for text in texts for match in found.finditer(text)))
    told = pl.Series(texts, dtype=pl.String).str.replace_all(in_columns(pattern), "<*>")
    assert told.to_list() == [found.sub("<*>", text) for text in texts]


@pytest.mark.parametrize(
    ("pattern", "of"),
    [
        ("(?i)a", "global flags"),
        ("[[:digit:]]", "nested set"),
        ("[a--b]", "set difference"),
        ("a{2}+", "possessive"),
        ("a(?=b)", "look-around"),
        ("(", "unterminated"),
    ],
)
def test_what_is_read_in_two_ways_is_refused(pattern, of):
    """The words say what it is."""
    assert of in trouble(pattern)


def test_a_pattern_is_the_sum_of_its_pieces():
    """Escapes, sets, counts and groups are one piece each."""
    pattern = r"a\.[\]x]{2,3}(?:b|^)*"
    pieces = ["a", r"\.", r"[\]x]", "{2,3}", "(?:", "b", "|", "^", ")", "*"]
    assert [token.text for token in tokens(pattern)] == pieces
