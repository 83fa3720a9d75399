"""Export bytes become the rows that journalctl prints as JSON: exactly, however they are cut."""

import json
import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxwatch.events.journald import FIELDS
from boxwatch.sources.journald_export import ExportEntries

REMOTE = Path("/lib/systemd/systemd-journal-remote")
CURSOR = ("__CURSOR", b"s=1;i=2")
NASTY = (
    *(b"", b"plain", b"a=b", b"=", b'quo"te\\', b"tab\there", b"two\nlines", b"\n\n", b"\x00"),
    *(b"\x1b[31mred\x1b[0m", b"\xff\xfe", "é\u00a0".encode(), "\x85".encode(), b"\x7f", b"[1, 2]"),
    *("\ufdd0".encode(), "\U0001ffff".encode(), b"\r\n", b"\xff\x00null", b"\xff\xff\x00"),
    *(
        b"x" * 300,
        b"__CURSOR=s=9\n\n__CURSOR=s=8\nMESSAGE=x",
        b"MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00abcde\n\n",
    ),
)
VALUES = st.sampled_from(NASTY) | st.binary(max_size=12) | st.text(max_size=6).map(str.encode)
NAMES = st.sampled_from([*FIELDS[1:], "UNKNOWN", "N", "_EXE2", "_SOURCE_MONOTONIC_TIMESTAMP"])
ANY_PACE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
ENTRIES = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8).map(lambda e: [CURSOR, *e]))


def printable(data):
    """Whether journalctl takes data for text (systemd's utf8.c); line feeds are."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(
        (ord(c) < 32 and c not in "\t\n")
        or 0x7F <= ord(c) <= 0x9F
        or 0xFDD0 <= ord(c) <= 0xFDEF
        or ord(c) & 0xFFFE == 0xFFFE
        for c in text
    )


def exported(entries):
    """Entries, each a list of names and values, as `journalctl -o export` prints them."""
    out = b""
    for entry in entries:
        for name, data in entry:
            if printable(data) and b"\n" not in data:
                out += name.encode() + b"=" + data + b"\n"
            else:
                out += name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
        out += b"\n"
    return out


def as_json(entry):
    """The row that journalctl prints for an entry, with only the fields that are read."""
    row = {"host": ["box"]}
    for name, data in entry:
        if name in FIELDS:
            row.setdefault(name, []).append(data.decode() if printable(data) else list(data))
    return {name: values[0] if len(values) == 1 else values for name, values in row.items()}


def rows_of(*pieces, limit=1 << 20):
    """The rows that the pieces give together."""
    entries = ExportEntries("box", FIELDS, limit)
    return [json.loads(line) for piece in pieces for line in entries.feed(piece).lines.splitlines()]


@settings(max_examples=200, **ANY_PACE)
@given(ENTRIES, st.lists(st.integers(0, 2000), max_size=6))
def test_every_entry_comes_through_wherever_it_is_cut(entries, cuts):
    """Text, bytes, repeated fields, data that looks like entries: the rows of journalctl."""
    data = exported(entries)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    assert rows_of(*pieces) == [as_json(entry) for entry in entries]


@settings(max_examples=200, **ANY_PACE)
@given(st.lists(st.sampled_from(NASTY) | st.binary(max_size=30)), st.booleans())
def test_no_bytes_crash_the_reader(pieces, ended):
    """What journalctl would never print gives rows or none, and no exception."""
    entries = ExportEntries("box", FIELDS, 1 << 20)
    for piece in pieces:
        for line in entries.feed(piece + b"\n" * ended).lines.splitlines():
            assert json.loads(line)["host"] == "box"


@settings(**ANY_PACE)
@given(st.integers(0, 200))
def test_a_cut_last_entry_gives_no_row_and_costs_none(length):
    """A journalctl that is killed in the middle of an entry leaves nothing half."""
    whole = exported([[CURSOR, ("MESSAGE", b"first")]])
    cut = exported([[CURSOR, ("MESSAGE", b"two\nlines"), ("_PID", b"7")]])[:-1][:length]
    assert [row["MESSAGE"] for row in rows_of(whole, cut)] == ["first"]


def test_a_huge_field_comes_whole():
    """10 MB with line feeds, in pieces as a pipe gives them."""
    data = (b"x" * 99 + b"\n") * 100_000
    out = exported([[CURSOR, ("MESSAGE", data)], [CURSOR]])
    pieces = [out[at : at + 65_536] for at in range(0, len(out), 65_536)]
    first, second = rows_of(*pieces, limit=1 << 24)
    assert (first["MESSAGE"].encode() == data, second["__CURSOR"]) == (True, "s=1;i=2")


def test_data_beyond_the_limit_is_null_and_ends_reading():
    """The row is given; nothing behind it is believed, since it may be that data."""
    entries = ExportEntries("box", FIELDS, 10)
    out = exported([[CURSOR, ("_PID", b"7"), ("MESSAGE", b"\n" * 11)], [CURSOR]])
    (row,) = entries.feed(out).lines.splitlines()
    assert json.loads(row) == {"host": "box", "__CURSOR": "s=1;i=2", "_PID": "7", "MESSAGE": None}
    assert (entries.broken, entries.feed(exported([[CURSOR]])).rows) == (True, 0)


def test_data_of_another_length_than_it_says_ends_reading():
    """As where a line was cut on its way: the end of the entry cannot be known."""
    entries = ExportEntries("box", FIELDS)
    out = exported([[CURSOR], [CURSOR, ("MESSAGE", b"\n" * 20)]]).replace(b"\n" * 20, b"\nshort\n")
    rows = [json.loads(row) for row in entries.feed(out + b"x" * 20).lines.splitlines()]
    assert ([row.get("MESSAGE", 0) for row in rows], entries.broken) == ([0, None], True)


def test_lines_that_are_no_fields_are_passed_over():
    """What newer versions of journalctl may say between entries costs no entry."""
    out = exported([[CURSOR, ("MESSAGE", b"one")], [CURSOR, ("MESSAGE", b"two")]])
    noise = out.replace(b"\n\n", b"\n\n-- Boot of another day --\n")
    assert [row["MESSAGE"] for row in rows_of(noise)] == ["one", "two"]


def test_more_kinds_of_lines_than_are_remembered_come_right():
    """What is remembered of lines is bounded, and forgetting changes nothing."""
    entries = [[CURSOR, ("_PID", b"%d" % number), ("UNIT", b"u")] for number in range(20_000)]
    found = rows_of(exported(entries))
    assert found == [as_json(entry) for entry in entries]


@pytest.mark.skipif(not REMOTE.exists(), reason="systemd-journal-remote is not on this machine")
@pytest.mark.skipif(shutil.which("journalctl") is None, reason="journalctl is not on this machine")
def test_rows_are_those_of_journalctl_itself(tmp_path):
    """Everything nasty, written to a real journal and printed both ways."""
    entries = [
        f"__REALTIME_TIMESTAMP={1_700_000_000_000_000 + number}\n__MONOTONIC_TIMESTAMP={number}\n"
        f"_BOOT_ID={'b' * 32}\n".encode()
        + exported([[("MESSAGE", data), ("UNIT", data + b"."), ("UNIT", b"again"), ("_PID", b"1")]])
        for number, data in enumerate(NASTY, 1)
        if data
    ]
    argv = [REMOTE, f"--output={tmp_path}/a.journal", "-"]
    subprocess.run(argv, input=b"".join(entries), check=True, capture_output=True)

    def printed(form):
        fields = f"--output-fields={','.join(FIELDS)}"
        argv = ["journalctl", f"--directory={tmp_path}", "--all", fields, f"--output={form}"]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    def settled(row):  # journalctl keeps no order among the values of one field
        return {k: sorted(map(str, v)) if k == "UNIT" else v for k, v in row.items() if k in FIELDS}

    wanted = [settled(json.loads(line)) for line in printed("json").splitlines()]
    assert [settled(row) for row in rows_of(printed("export"))] == wanted
    assert len(wanted) == len(entries)
