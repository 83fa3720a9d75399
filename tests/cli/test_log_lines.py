"""Log lines for a terminal, and the times that a person types."""

import io
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from boxwatch.cli.instants import instant
from boxwatch.cli.log_lines import Level, harmless, level_of, pictures, printed
from boxwatch.clock import SystemClock

MINUTE = timedelta(minutes=1)


def shown(message, expression, *, terminal):
    """One line as a console prints it."""
    row = {"time": datetime(2026, 3, 1, tzinfo=UTC), "host": "box", "service": "api"}
    lines = pl.DataFrame([row | {"severity": 9, "message": message, "matches": True}])
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, highlight=False, width=200)
    for text in printed(lines, expression, context=False):
        console.print(text, soft_wrap=True)
    return out.getvalue()


def test_what_was_found_is_marked_on_a_terminal_only():
    """Every place, in colour there, and plain text in a file."""
    plain = shown("took 5 ms of 12 ms", r"\d+ ms", terminal=False)
    assert plain.endswith("info   took 5 ms of 12 ms\n")
    marked = shown("took 5 ms of 12 ms", r"\d+ ms", terminal=True)
    assert marked.count("5 ms\x1b[0m") == 1
    assert marked.count("12 ms\x1b[0m") == 1


def test_marks_are_harmless():
    """Square brackets are text, not styles, and a pattern that finds nothing marks nothing."""
    assert "[bold]x[/bold]" in shown("[bold]x[/bold]", "x*", terminal=False)


@given(st.lists(st.one_of(st.none(), st.text()), max_size=5))
def test_nothing_that_acts_reaches_a_terminal(texts):
    """Whatever a line holds, only line feeds and tabs are left of what is not to be seen."""
    for text in harmless(texts):
        acting = {c for c in text if unicodedata.category(c) in {"Cc", "Zl", "Zp"}} - {"\n", "\t"}
        turning = {c for c in text if unicodedata.bidirectional(c) in {"LRO", "RLO", "RLE", "LRE"}}
        assert not acting
        assert not turning


def test_words_of_any_language_stay():
    """Letters that are written from right to left, and pictures, are no controls."""
    assert harmless(["שלום 🦊 été"]) == ["שלום 🦊 été"]


def test_levels_are_those_of_opentelemetry():
    """Four numbers each; what is out of range is the nearest, unknown is unknown."""
    assert [level_of(number) for number in (1, 8, 9, 13, 17, 24)] == list(Level)
    assert [level.number for level in Level] == [1, 5, 9, 13, 17, 21]
    assert level_of(None) is None
    assert level_of(255) is Level.FATAL


def test_a_course_is_drawn_against_its_highest():
    """A dot is none at all."""
    assert pictures([0, 1, 4, 8]) == "·▂▅█"
    assert pictures([0, 0]) == "··"
    assert pictures([]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T14:30:00Z", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00+02:00", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01 14:30", datetime(2026, 3, 1, 14, 30).astimezone(UTC)),
        ("2026-03-01", datetime(2026, 3, 1).astimezone(UTC)),
        ("20260301", datetime(2026, 3, 1).astimezone(UTC)),
    ],
)
def test_a_date_is_an_instant(text, expected):
    """Without a zone it is the machine's own time."""
    assert instant(text) == expected


def test_a_duration_counts_back_from_now():
    """As other commands take it."""
    before = SystemClock().now()
    assert before - 90 * MINUTE <= instant("90m") <= SystemClock().now() - 90 * MINUTE


def test_a_time_of_day_is_todays():
    """In the machine's own zone."""
    today = SystemClock().now().astimezone()
    assert instant("00:05").astimezone().time().minute == 5
    assert abs(instant("00:05") - today) < timedelta(days=2)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "-5m", "25:00", "99999999999999999d"])
def test_what_is_no_time_is_refused(text):
    """The error says what is allowed."""
    with pytest.raises(typer.BadParameter, match="allowed"):
        instant(text)


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_refused(text):
    """Nothing a person types breaks it."""
    with suppress(typer.BadParameter):
        assert instant(text).tzinfo is not None
