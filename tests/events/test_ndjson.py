"""Reading NDJSON lines: whatever stands on a line, the next one is read."""

from datetime import UTC, datetime

import pytest

from boxwatch.events import RawChunk, ndjson

NOW = datetime(2024, 6, 1, tzinfo=UTC)
GOOD = b'{"a":"good"}\n'


def records(lines: bytes, *columns: str) -> ndjson.Records:
    """The chunk read."""
    return ndjson.read(RawChunk("file", lines, "box", "origin"), columns or ("a",), NOW)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":"cut off', "not JSON: Unterminated string starting at"),
        (b"no json at all", "not JSON: Expecting value"),
        (b'{"a":"x"}{"a":"y"}', "not JSON: Extra data"),
        (b'{"a":"x"},', "not JSON: Extra data"),
        (b"[1, 2]", "not a JSON object but an array"),
        (b"5", "not a JSON object but a number"),
        (b"null", "not a JSON object but null"),
        (b'"text"', "not a JSON object but a string"),
        (b"true", "not a JSON object but a boolean"),
        (b"\x00" * 40, "nothing but NUL bytes"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
    ],
)
def test_a_bad_line_is_set_aside_and_its_neighbours_are_read(line: bytes, reason: str) -> None:
    """Exactly the bad line goes to quarantine, with the reason and where it begins."""
    read = records(GOOD + line + b"\n" + GOOD)
    assert read.frame["a"].to_list() == ["good", "good"]
    (aside,) = read.unreadable.rows(named=True)
    assert aside["reason"].startswith(reason)
    assert aside["origin"] == f"origin+{len(GOOD)}"
    assert aside["record"] == line.decode()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"a":"\xff\xfe!"}', "\ufffd\ufffd!"),
        (b'{"a":"tab\there"}', "tab\there"),
        (b'{"a":"nul\x00byte"}', "nul\x00byte"),
        (b'\x00\x00\x00{"a":"after a crash"}', "after a crash"),
        (b'\xef\xbb\xbf{"a":"byte order mark"}', "byte order mark"),
        (b'{"a":"carriage return"}\r', "carriage return"),
        (b'{"a":"\\u2028 and \xe2\x80\xa8"}', "\u2028 and \u2028"),
        (b'{"a":true}', "true"),
        (b'{"a":12}', "12"),
        (b'{"a":null}', None),
        (b"{}", None),
        (b'{"a":NaN}', "NaN"),
    ],
)
def test_an_odd_line_is_read(line: bytes, value: str | None) -> None:
    """What can be read without guessing is read, not set aside."""
    read = records(GOOD + line + b"\n" + GOOD)
    assert read.frame["a"].to_list() == ["good", value, "good"]
    assert read.unreadable.height == 0


def test_an_integer_of_any_size_is_read() -> None:
    """Polars knows 64 bits; a larger number costs neither its line nor the next."""
    read = records(b'{"a":%d,"b":"kept"}\n' % 10**40 + GOOD, "a", "b")
    assert read.frame["b"].to_list() == ["kept", None]


def test_a_lone_surrogate_is_read() -> None:
    """Half a character, as cut-off emoji leave it, does not cost the line."""
    read = records(b'{"a":"\\ud83d cut"}\n' + b"bad\n" + GOOD)
    assert read.frame["a"].to_list() == ["? cut", "good"]


def test_of_a_key_given_twice_one_value_is_read() -> None:
    """A duplicate key does not cost the line."""
    assert records(b'{"a":"x","a":"y"}\n').frame["a"].item() in {"x", "y"}


@pytest.mark.parametrize("lines", [b"", b"\n", b"\n\r\n  \n\t\n"])
def test_blank_lines_are_nothing(lines: bytes) -> None:
    """Neither a row nor a quarantined line."""
    read = records(lines)
    assert (read.frame.height, read.unreadable.height) == (0, 0)


def test_an_unterminated_last_line_is_read() -> None:
    """A missing newline at the end does not cost the last record."""
    assert records(GOOD + b'{"a":"last"}').frame["a"].to_list() == ["good", "last"]


def test_a_line_of_ten_megabytes_is_read() -> None:
    """Longer than the pieces a chunk is read in."""
    long = b'{"a":"' + b"x" * 10_000_000 + b'"}\n'
    read = records(GOOD + long + GOOD)
    assert read.frame["a"].str.len_chars().to_list() == [4, 10_000_000, 4]


def test_a_long_chunk_without_any_field_has_its_rows() -> None:
    """Each is a record of which nothing is known."""
    read = records(b"{}\n" * 100_000)
    assert read.frame["a"].to_list() == [None] * 100_000


def test_a_field_that_only_late_lines_of_a_long_chunk_have_is_read() -> None:
    """The first lines tell what to expect, and nothing is lost where they do not tell all."""
    read = records(b'{"a":"x","b":"y"}\n' * 20_000 + b'{"c":"late"}\n', "a", "b", "c")
    assert read.frame["c"].to_list()[-2:] == [None, "late"]


def test_rows_know_their_lines_despite_blank_and_bad_ones() -> None:
    """The raw line and the offset belong to the row, wherever lines were skipped."""
    read = records(b"\n" + GOOD + b"bad\n  \n" + b'{"a":"b"}\n' + b"\x00\n" + b'{"a":"c"}')
    assert [read.line(row) for row in range(3)] == [GOOD.strip(), b'{"a":"b"}', b'{"a":"c"}']
    assert read.set_aside([1], "why")["origin"].item() == f"origin+{1 + len(GOOD) + 4 + 3}"


def test_rows_know_their_lines_across_pieces() -> None:
    """A chunk of many pieces, one of them with a bad line, numbers its rows through."""
    lines = [b'{"a":"%d%s"}' % (number, b" " * 500) for number in range(20_000)]
    lines[15_000] = b"bad"
    read = records(b"\n".join(lines))
    assert read.frame.height == 19_999
    assert read.line(14_999) == lines[14_999]
    assert read.line(15_000) == lines[15_001]


def test_the_value_read_does_not_depend_on_bad_neighbours() -> None:
    """A clean chunk and a dirty one give the same text for the same line."""
    line = b'{"a":{"x":[1,2.5,"t"]},"b":[109,10]}\n'
    clean = records(line, "a", "b").frame
    dirty = records(line + b"bad\n", "a", "b").frame
    assert clean.equals(dirty)
