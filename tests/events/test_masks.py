"""What varies is masked: the same in a column and in a line alone."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boxwatch.errors import SettingError
from boxwatch.events.masks import LONGEST, MASKS, Mask, Masker

MASKER = Masker()
PIECES = st.sampled_from(
    [
        *(mask.example for mask in MASKS),
        *("word", " ", "  ", "=", ":", ", ", "(", ")", "[", "]", "/", "./", "<*>", "'", '"', "\t"),
        *("é", "Ω1", "日本", "\u202e", "🙂", "\x00", "\x1b[1m", "\u017f"),
        *("\u212a", "\u0663", "a_1", "-", "µs"),
        *("10 ms", "Jan 1", "http://", "a@b.c", "x.y:1", "deadbeef", "1,2", "12B", "\n", "\r"),
    ]
)


def column(text):
    """`text` masked in a column."""
    return MASKER.column(pl.Series([text])).item()


@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: mask.name)
def test_every_mask_hides_its_example(mask):
    """The example in the table becomes what the table says."""
    assert column(mask.example) == MASKER.line(mask.example) == mask.masked


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join))
@example("a \u017f1 \u212a2 \u0663")
def test_a_line_alone_is_masked_as_in_a_column(text):
    """Two engines, one text."""
    assert MASKER.line(text) == column(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("free 12, 13, 14 of 20", "free <*> of <*>"),
        ("slots <1> [2] (3)", "slots <<*>> [<*>] (<*>)"),
        ("read and/or write", "read and/or write"),
        ("GET /metrics", "GET /metrics"),
        ("received exception java.io.IOException: x", "received exception java.io.IOException: x"),
        ("depth......64 of a.b2.c..", "depth......<*> of <*>.."),
        ("it is true that 'x' is", "it is <*> that <*> is"),
        ("  padded  ", "padded"),
        ("", ""),
    ],
)
def test_what_stays_and_what_goes(text, masked):
    """Lists become one; words, verbs and exceptions stay."""
    assert column(text) == masked


def test_only_the_head_of_a_long_line_counts():
    """A line of ten megabytes costs as much as one of a thousand characters."""
    long = "word " * 2_000_000
    assert len(column(long)) <= LONGEST
    assert column(long) == MASKER.line(long)


def test_masks_of_ones_own_come_first():
    """A user's mask hides what the built-in ones would let stand."""
    masker = Masker([Mask("tenant", "tenant-[a-z]+")])
    assert masker.line("tenant-acme is over 3 GiB") == "<*> is over <*>"
    assert masker.column(pl.Series(["tenant-acme is"])).item() == "<*> is"


@pytest.mark.parametrize(
    "pattern",
    ["(", "a*", "(a)b", "(?=a)b", "[z-a]", "(?i)a", "[[:digit:]]", "a++", "|a", r"\b", r"\B"],
)
def test_a_mask_that_is_none_is_refused(pattern):
    """The error names the mask, its pattern and what is allowed."""
    with pytest.raises(SettingError, match="tenant") as refused:
        Masker([Mask("tenant", pattern)])
    assert pattern in str(refused.value)
