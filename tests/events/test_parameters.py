"""What stood where a template has `<*>`: as a column and line by line."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boxwatch.events import TemplateMiner
from boxwatch.events.parameters import all_parameters, parameters, parameters_of_line

TEMPLATES = st.lists(st.sampled_from(["<*>", "a", " ", "b.", "(", "\\", "\n"]), max_size=6).map(
    lambda parts: "".join(parts).strip(" \t")
)
MESSAGES = st.lists(
    st.sampled_from(["a", " ", "b.", "(", "\\", "\n", "x", "7", "\t", "é"]), max_size=10
).map("".join)


@settings(max_examples=500, deadline=None)
@given(template=TEMPLATES, message=MESSAGES)
@example(template="<*> <*>", message=" ")
def test_a_line_alone_gives_what_a_column_gives(template, message):
    """Two ways, one answer; null where the message is none of the template."""
    column = parameters(pl.Series([message], dtype=pl.String), template).to_list()
    assert column == [parameters_of_line(message, template)]


@settings(max_examples=50, deadline=None)
@given(st.lists(MESSAGES, max_size=80))
def test_all_at_once_gives_what_each_gives(messages):
    """Frequent templates and rare ones, with and without parameters, in the order of the lines."""
    column = pl.Series(messages, dtype=pl.String)
    numbers, texts = TemplateMiner().of(column)
    told = all_parameters(column, numbers, texts).to_list()
    assert told == [
        parameters_of_line(text, texts[number])
        for text, number in zip(messages, numbers, strict=True)
    ]
    assert None not in told


@pytest.mark.parametrize(
    ("message", "template", "values"),
    [
        ("took 12 ms of 3 GiB", "took <*> of <*>", ["12 ms", "3 GiB"]),
        ("  at 7  ", "at <*>", ["7"]),
        ("a 1, 2 and more that was cut", "a <*> and", ["1, 2"]),
        ("plain", "plain", []),
        ("other", "at <*>", None),
    ],
)
def test_values_stand_in_their_order(message, template, values):
    """What the template says in words is left out."""
    assert parameters_of_line(message, template) == values
