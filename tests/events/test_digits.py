"""Lines that differ only in their digits are masked as one where that is sound."""

import re

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boxwatch.errors import SettingError
from boxwatch.events import digits
from boxwatch.events.digits import alike, told_apart
from boxwatch.events.masks import MASKS, Mask, Masker, check_mask

LISTS = re.compile(r"<\*>(?: ?\(<\*>\)|[ ,.:/|=-]+<\*>)+")
WORDS = st.sampled_from(
    [
        *("0x1f", "1x1f", "0x", "v2", "v3", "sha256:", "sha257:", "a1", "a4", "5", "12", "007"),
        *(" ", "=", ":", "[", "é", "\u0663", "Ω1", "x", "a", "\n", "_9", "{3}", "日本"),
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=3), max_size=8).map("".join)
PIECES = st.sampled_from(
    [
        *("0x[0-9a-f]+", "[1-3]", "sha256:", "v2", "v2?", "(?:a|1)", "[^5]", "[0-9]{2}", "1*", "|"),
        *("[ -~]", "[0-46-9]", r"[\]0-9]", "x{1,2}", "(?:0x)?", "a", r"\.", "[+-5]", "[a-f]", "5+"),
        *(
            "[[:digit:]]",
            r"\x31",
            "(?i:a1)",
            "é",
            ".",
            "(?:",
            ")",
            "{1}",
            "[]5]",
            r"\[1\]",
            "[^]0]",
        ),
    ]
)


def masked_alone(text, masks):
    """`text` as the masks leave it, with nothing but Python's `re`."""
    every = re.compile("|".join(mask.pattern for mask in masks), re.ASCII)
    return LISTS.sub("<*>", every.sub("<*>", text)).strip(" \t")


def agree(texts, own, built_in):
    """A column of many lines, and each line alone, give what each gives by itself."""
    masker = Masker(own, built_in)
    expected = [masked_alone(text, (*own, *built_in)) for text in texts]
    many = pl.Series(texts * (300 // len(texts) + 1), dtype=pl.String)
    assert masker.column(many).to_list()[: len(texts)] == expected
    assert [masker.line(text) for text in texts * 2] == expected * 2


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=30))
def test_many_lines_are_masked_as_each_alone(texts):
    """Whatever other lines differ from one only in digits."""
    agree(texts, (), MASKS)


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=30),
    pattern=st.lists(PIECES, min_size=1, max_size=5).map("".join),
    built_in=st.sampled_from([(), MASKS]),
)
def test_masks_that_tell_digits_apart_are_heeded(texts, pattern, built_in):
    """Patterns of one's own that spell digits out mask what they say and nothing else."""
    own = [Mask("own", pattern)]
    try:
        check_mask(own[0])
    except SettingError:
        assume(False)
    agree(texts, own, built_in)


@settings(deadline=None)
@given(st.lists(st.none() | st.text() | TEXTS, max_size=20))
def test_all_digits_become_one(texts):
    """A column and a line agree; other characters and nulls stay."""
    expected = [None if text is None else re.sub("[0-9]", "0", text) for text in texts]
    assert alike(pl.Series(texts, dtype=pl.String)).to_list() == expected
    assert [text and text.translate(digits.ALIKE) for text in texts] == expected


@pytest.mark.parametrize(
    ("pattern", "spelled"),
    [
        (r"\b0x[0-9a-fA-F]+\b", {"0x"}),
        (r"sha256:[0-9a-f]{64}", {"sha000:"}),
        (r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", set()),
        (r"\d+[^5-9]", None),
        ("node[1-3]", None),
        ("v10?", {"v0", "0"}),
        ("(?x) a 1", None),
        ("(?:a1|b)2", {"a0", "0"}),
        (r"\x31", None),
        ("[[:digit:]]", None),
        ("[ -~]", set()),
    ],
)
def test_where_digits_are_told_apart(pattern, spelled):
    """What is spelled out, with zeros; None where it cannot be said."""
    assert told_apart(pattern) == spelled


def test_the_built_in_masks_tell_no_digits_apart():
    """So lines that differ in their digits cost one of them."""
    assert [mask.name for mask in MASKS if told_apart(mask.pattern) != frozenset()] == []


def test_first_come_first_numbered():
    """The distinct texts stand in the order of their first lines, doubtful ones among them."""
    lines = ["a 0x1 b", "c 1", "a 1x1 b", "", "d 2"] * 60
    codes, distinct = Masker((), [Mask("hex", "0x[0-9]+"), Mask("n", "[0-9]+")]).kinds(
        pl.Series(lines)
    )
    assert distinct.to_list() == ["a <*> b", "c <*>", "a <*>x<*> b", "", "d <*>"]
    assert codes.to_list() == [0, 1, 2, 3, 4] * 60
