"""Records of the kernel's log as text: what they say, and that no text stops the next one."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.sources.kernel_records import Boot, Record, dmesg_records, from_kmsg, kmsg_records

GOOD = b"4,1168,13583136247,-;NVRM: a line"


def test_a_record_is_read_with_all_it_says():
    """Level and facility, number, time since boot, and the device it is about."""
    record = from_kmsg(b"30,7,1500000,c;eth0: up\n SUBSYSTEM=net\n DEVICE=n2\n OTHER=x\n")
    assert record == Record("eth0: up", 30, 7, 1_500_000, "net", "n2")


def test_escaped_bytes_are_what_was_written():
    """The kernel escapes what cannot be printed: line ends of the driver's longer texts, too."""
    record = from_kmsg(rb"3,8,2,-;NVRM: GPU 0000:41:00.0\x0aNVRM: fallen \xe2\x82\xac \x5c off")
    assert record.message == "NVRM: GPU 0000:41:00.0\nNVRM: fallen € \\ off"


def test_fields_that_later_kernels_add_are_let_pass():
    """The prefix may grow (dev-kmsg)."""
    assert from_kmsg(b"6,1,2,-,caller=T17;hello").message == "hello"


def test_dmesg_gives_level_time_and_lines_that_go_on():
    """Without numbers; a text of several lines stays one record."""
    lines = [b"<6>[13575.176946] NVRM: one", b"two", b"<30>[    0.000001] three", b""]
    first, second = dmesg_records(lines)
    assert first == Record("NVRM: one\ntwo", 6, None, 13_575_176_946)
    assert second == Record("three", 30, None, 1)


def test_a_row_carries_wall_time_and_boot():
    """Microseconds since boot become an instant."""
    row = json.loads(Boot("box", "b", 1_700_000_000_000_000).row(Record("x", 30, 5, 1_500_000)))
    assert row == {
        "host": "box",
        "timestamp": "2023-11-14T22:13:21.500000Z",
        "message": "x",
        "boot_id": "b",
        "priority": 6,
        "facility": 3,
        "sequence": 5,
    }


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=5))
def test_no_line_of_kmsg_hides_the_next_record(lines):
    """Whatever stands before it, a record is read, and rows can be made of all."""
    records = list(kmsg_records([*lines, GOOD]))
    assert records[-1] == Record("NVRM: a line", 4, 1168, 13_583_136_247)
    assert all(json.loads(Boot("box", "b", 0).row(record)) for record in records)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=5))
def test_no_line_of_dmesg_hides_the_next_record(lines):
    """As above, for the other way of reading."""
    records = list(dmesg_records([*lines, b"<4>[    1.000000] NVRM: a line"]))
    assert records[-1] == Record("NVRM: a line", 4, None, 1_000_000)
    assert all(json.loads(Boot("box", "b", 0).row(record)) for record in records)


def _captures():
    folder = Path(os.environ.get("BOXWATCH_BENCH_DATA", "/nowhere")) / "fixtures" / "kmsg"
    return sorted(folder.rglob("kmsg.*.log")) or [None]


@pytest.mark.parametrize("capture", _captures(), ids=lambda c: c.stem if c else "none")
def test_real_captures_are_read_whole(capture):
    """Every line of a real ring is a record with number, level and time."""
    if capture is None:
        pytest.skip("no captures of real kernels: set BOXWATCH_BENCH_DATA")
    lines = capture.read_bytes().split(b"\n")
    records = list(kmsg_records(lines))
    assert len(records) == len([line for line in lines if line])
    assert all(None not in (r.sequence, r.priority, r.micros) for r in records)
