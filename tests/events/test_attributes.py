"""Attributes: a JSON object a row, built column by column."""

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.alike import Alike
from boxwatch.events.attributes import as_json, extended

CELLS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
def test_attributes_say_exactly_what_the_columns_said(rows) -> None:
    """Any text in any pattern of nulls; a row of nulls is null."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String()), orient="row")
    texts = as_json(frame, {"a": "x", "b": "y", "c": "z"})
    found = [None if text is None else orjson.loads(text) for text in texts]
    told = [{k: v for k, v in zip("xyz", row, strict=True) if v is not None} for row in rows]
    assert found == [fields or None for fields in told]


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_attributes_begin_with_what_rows_share(rows) -> None:
    """Its own fields follow, those that it has; the last is one that all rows have."""
    frame = pl.DataFrame(
        [("s", *row, "own") for row in rows],
        schema=dict.fromkeys("sabo", pl.String()),
        orient="row",
    )
    texts = as_json(frame, {name: name for name in "sabo"}, Alike(frame, ["s"]))
    told = [{"s": "s", "a": a, "b": b, "o": "own"} for a, b in rows]
    found = [orjson.loads(text) for text in texts]
    assert found == [{k: v for k, v in row.items() if v is not None} for row in told]


def test_extras_are_added_to_their_rows_only() -> None:
    """Where there were attributes and where there were none."""
    texts = extended(pl.Series(['{"a":"1"}', None, '{"b":"2"}']), {0: {"n": 5}, 1: {"n": 6}})
    assert texts.to_list() == ['{"a":"1","n":5}', '{"n":6}', '{"b":"2"}']
