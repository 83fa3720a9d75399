"""Where lines lie in their chunk, whether few or all of them are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.line_places import LinePlaces

LINE = st.sampled_from([b"{}", b'{"a":1}', b"x" * 300_000, b"", b"  ", b" {}"])


def told(lines, skipped=frozenset()):
    """Every line that `LinePlaces` finds in `lines`, which has no others than it should know."""
    kept = [line for line in lines.split(b"\n") if line.strip() and line not in skipped]
    places = LinePlaces(lines, len(kept), {lines.index(line) for line in skipped})
    return [lines[slice(*places.span(row))] for row in range(len(kept))], kept


@given(st.lists(LINE, max_size=12), st.booleans())
def test_a_line_is_what_lies_between_newlines(parts, ended):
    """Blank ones are passed over; the last needs no newline."""
    found, kept = told(b"\n".join(parts) + (b"\n" if ended else b""))
    assert found == kept


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_many_are_found_as_few_are(count):
    """Asked for one after the other, whatever way is the cheaper one."""
    found, kept = told(b"".join(b"line %d\n" % number for number in range(count)))
    assert found == kept


def test_lines_that_gave_no_row_are_not_counted():
    """Those that could not be read."""
    found, _ = told(b"{}\nbroken\n{}\n", {b"broken"})
    assert found == [b"{}", b"{}"]
