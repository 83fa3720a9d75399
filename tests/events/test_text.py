"""Messages made fit to read."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.text import clean, octets

# U+009B begins a sequence, and stays where that has no end.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x9b")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("\x1b]0;title\x07prompt", "prompt"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bascii", "ascii"),
        ("\x9b31mred", "red"),
        ("cut \x1b[3", "cut ␛[3"),
        ("end\r\n", "end"),
        ("\n\n", ""),
        ("tab\tand\nline", "tab\tand\nline"),
        ("nul\x00bell\x07", "nul␀bell␇"),
        ("10%\r20%", "10%␍20%"),
        ("del\x7f", "del␡"),
        ("é\u2028😀", "é\u2028😀"),
        ("", ""),
    ],
)
def test_a_message_is_cleaned(raw: str, shown: str) -> None:
    """Escapes go, line ends go, other controls become visible; the rest stays."""
    assert clean(pl.Series([raw, "clean"])).to_list() == [shown, "clean"]


@given(st.lists(st.text(LETTERS, max_size=4), max_size=5))
def test_only_what_needs_it_is_changed(messages: list[str]) -> None:
    """Whatever letters stand beside each other, in a message and in its neighbours."""
    needs = [re.search(r"[\x00-\x08\x0b-\x1f\x7f]|\n\Z", text) for text in messages]
    cleaned = clean(pl.Series(messages, dtype=pl.String)).to_list()
    assert [old != new for old, new in zip(messages, cleaned, strict=True)] == list(
        map(bool, needs)
    )


def test_the_bytes_of_a_column_are_those_of_its_texts() -> None:
    """Null has none, and neither has a column of nulls."""
    frame = pl.DataFrame(
        {"a": ["é", None, "b"], "b": [None] * 3}, schema_overrides={"b": pl.String}
    )
    letters = {name: bytes(found) for name, found in octets(frame).items()}
    assert letters == {"a": "éb".encode(), "b": b""}
