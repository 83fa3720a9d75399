"""Rows that agree in many columns are told once, and every row gets what is its own."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from boxwatch.events.alike import Alike, recurring

TEXT = st.sampled_from([None, "", "a", "b"])
ROWS = st.lists(st.tuples(TEXT, TEXT, st.integers(0, 9)), min_size=1, max_size=60)
SCHEMA = {"unit": pl.String, "comm": pl.String, "n": pl.Int64}


@given(ROWS)
def test_every_row_gets_what_is_told_of_its_combination(rows):
    """As if it had been worked out row by row; null and empty are two things."""
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    alike = Alike(frame, ["unit", "comm"])
    both = pl.format("{}/{}", pl.col("unit").fill_null("?"), pl.col("comm").fill_null("?"))
    told = alike.spread(alike.rows.select(both.alias("both")))
    assert_series_equal(told["both"], frame.select(both.alias("both"))["both"])
    assert alike.rows.height == frame.select("unit", "comm").n_unique()


def test_columns_of_which_nothing_is_known_agree_in_all_rows():
    """Null columns cost nothing, also where all of them are null."""
    frame = pl.DataFrame({"unit": [None, None, None]}, schema={"unit": pl.String})
    assert Alike(frame, ["unit"]).rows.height == 1


def test_what_rows_agree_in_can_be_told_otherwise():
    """The same combinations, with another value of one column; the first stays as it is."""
    alike = Alike(pl.DataFrame({"host": ["a", "b", "a"]}), ["host"])
    named = alike.telling(pl.lit("c").alias("host"))
    assert named.spread_one(named.rows["host"]).to_list() == ["c"] * 3
    assert alike.spread_one(alike.rows["host"]).to_list() == ["a", "b", "a"]


def test_a_column_recurs_if_few_values_are_shared_by_many_rows():
    """Cursors do not recur, units do."""
    frame = pl.DataFrame({"cursor": [str(n) for n in range(100)], "unit": ["a", "b"] * 50})
    assert recurring(frame, ["cursor", "unit"]) == ["unit"]
