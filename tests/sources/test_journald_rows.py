"""Journal entries as a table: the same, to the last value, as that of the rows they print."""

import struct
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxwatch.clock import EPOCH
from boxwatch.events import RawChunk, normalise
from boxwatch.events.journald import COLUMNS, FIELDS
from boxwatch.events.ndjson import read
from boxwatch.sources.journald_boots import Boots
from boxwatch.sources.journald_export import ExportEntries
from boxwatch.sources.journald_marks import last_entry
from boxwatch.sources.journald_rows import together

ANY_PACE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
BOOTS = ("a" * 32, "b" * 32, "c" * 32)
TEXTS = st.sampled_from(
    ["", "plain", "a=b", "é\u2028", "[1,2]", "\ufffd", 'quo"te\\', "7", "x" * 300, "true"]
)
DATA = st.sampled_from([b"two\nlines", b"\n\n", b"\xff\x00null", b"\xff", b"\x1b[31mred", b"a\x85"])
NAMES = st.sampled_from(
    [*FIELDS, "MESSAGE", "_SOURCE_REALTIME_TIMESTAMP", "UNKNOWN", "__SEQNUM", "", "MESSAGE2"]
)
FIELD = st.tuples(NAMES, TEXTS.map(str.encode) | DATA)
ENTRY = st.tuples(
    st.sampled_from(["head", "head", "head", "numbered", "strange", "none"]),
    st.sampled_from(BOOTS),
    st.lists(FIELD, max_size=6),
)


def written(number, form, boot, fields):
    """An entry as `journalctl -o export` writes it, and some as it never would."""
    head = [
        f"__CURSOR=s=q;i={number:x};b={boot}",
        f"__REALTIME_TIMESTAMP={1_700_000_000_000_000 + number}",
        f"__MONOTONIC_TIMESTAMP={number}",
        *([f"__SEQNUM={number}", "__SEQNUM_ID=0a"] if form == "numbered" else []),
        *(["PRIORITY=3", "again"] if form == "strange" else []),
        f"_BOOT_ID={boot}",
    ]
    out = b"".join(f"{line}\n".encode() for line in ([] if form == "none" else head))
    for name, data in fields:
        if b"\n" in data or b"\x1b" in data or b"\xff" in data or b"\x85" in data:
            out += name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
        else:
            out += name.encode() + b"=" + data + b"\n"
    return out + b"\n"


def taken(entries, host="box"):
    """What is taken of entries, each a form, a boot and fields."""
    text = b"".join(written(number, *entry) for number, entry in enumerate(entries))
    return ExportEntries(host, FIELDS).feed(text)


def chunk(content):
    """A chunk of the journal."""
    return RawChunk("systemd", content, "box", "journalctl")


@settings(max_examples=300, **ANY_PACE)
@given(st.lists(ENTRY, max_size=8))
def test_the_table_is_that_of_the_printed_rows(entries):
    """Bytes, repeated fields, any order, heads of other versions, text that is no UTF-8."""
    rows = taken(entries)
    wanted = read(chunk(rows.lines), COLUMNS, EPOCH).frame
    assert read(chunk(rows), COLUMNS, EPOCH).frame.equals(wanted, null_equal=True)
    assert (rows.rows, rows.frame(COLUMNS).schema) == (wanted.height, wanted.drop("row").schema)


@settings(max_examples=100, **ANY_PACE)
@given(st.lists(ENTRY, min_size=1, max_size=6))
def test_the_events_are_those_of_the_printed_rows(entries):
    """With what is set aside, its place among the lines too."""
    rows = taken(entries)
    told, wanted = normalise(chunk(rows)), normalise(chunk(rows.lines))
    assert told.logs.equals(wanted.logs, null_equal=True)
    aside = told.quarantined.drop("time")
    assert aside.equals(wanted.quarantined.drop("time"), null_equal=True)


@settings(max_examples=100, **ANY_PACE)
@given(st.lists(ENTRY, min_size=1, max_size=6), st.data())
def test_rows_can_be_parted_and_put_together(entries, data):
    """Each row is the line of its number; the last and the first are those of the lines."""
    rows = taken(entries)
    lines = rows.lines.splitlines(keepends=True)
    assert [rows.line(number) + b"\n" for number in range(rows.rows)] == lines or alike(rows)
    place = data.draw(st.integers(0, rows.rows))
    parts = [rows.part(0, place), rows.part(place)]
    assert together(parts).lines == rows.lines
    assert [part.lines for part in parts] == [b"".join(lines[:place]), b"".join(lines[place:])]
    assert rows.last() == last_entry(rows.lines)
    assert rows.first() == (last_entry(lines[0]) if lines else None)


def alike(rows):
    """Whether rows say the same alone as among others; the order of fields may be another."""
    found = [read(chunk(rows.line(n) + b"\n"), COLUMNS, EPOCH).fields(0) for n in range(rows.rows)]
    return found == [read(chunk(rows), COLUMNS, EPOCH).fields(n) for n in range(rows.rows)]


@settings(max_examples=200, **ANY_PACE)
@given(st.lists(ENTRY, min_size=1, max_size=10), st.lists(st.integers(0, 10), max_size=4))
def test_boots_are_those_of_the_printed_rows(entries, cuts):
    """Restarts, where they begin, and when each boot was last heard of."""
    ours, theirs = Boots(), Boots()
    rows = taken(entries)
    places = [0, *sorted(min(cut, rows.rows) for cut in cuts), rows.rows]
    for part in [rows.part(*span) for span in pairwise(places)]:
        if part.rows:
            told = [(piece.lines, restart) for piece, restart in ours.divide(part)]
            assert [one for one in told if one[0]] == list(theirs.split(part.lines))
            assert ours.known == theirs.known


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_alone_is_the_same(column):
    """As a look for the earliest time reads one."""
    rows = taken([("head", BOOTS[0], [(name, b"7") for name in FIELDS[3:]])])
    wanted = read(chunk(rows.lines), [column], EPOCH).frame
    assert read(chunk(rows), [column], EPOCH).frame.equals(wanted)
