"""The kernel log: the real /dev/kmsg where it can be read, and what it hands over at each read."""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import pytest

from boxwatch.sources import KernelOptions, KernelSource

KMSG = Path("/dev/kmsg")


@pytest.fixture
def shout():
    """Writes a line of this test into the real kernel log."""
    if not os.access(KMSG, os.R_OK | os.W_OK):
        pytest.skip("/dev/kmsg cannot be read and written by this user")

    def write(text):
        with KMSG.open("w") as file:
            file.write(f"{text}\n")  # without its end a line stays open for more

    return write


def turn(source):
    """What one read hands over."""
    return asyncio.run(source.read())


def messages(rows, chunks):
    """The kernel lines among chunks."""
    return [row["message"] for row in rows(chunks, "kernel")]


def test_watching_begins_now_and_hands_over_what_comes(shout, rows):
    """A line written after the first read is handed over with its level and number."""
    source, mark = KernelSource("box"), f"boxwatch test {uuid4()}"
    before = turn(source)
    shout(f"<3>{mark}")
    row = next(row for row in rows(turn(source), "kernel") if row["message"] == mark)
    assert messages(rows, before) == []
    assert (row["priority"], row["sequence"]) == (3, source.position()["sequence"])
    asyncio.run(source.close())


def test_resuming_reads_on_after_the_last_record(shout, rows):
    """Lines written between two runs come once, the earlier ones do not, times stay the same."""
    first, marks = KernelSource("box"), [f"boxwatch test {uuid4()}" for _ in range(3)]
    turn(first)
    shout(marks[0])
    turn(first)
    asyncio.run(first.close())
    shout(marks[1])
    shout(marks[2])
    second = KernelSource("box", first.position())
    got = messages(rows, turn(second))
    asyncio.run(second.close())
    assert [message for message in got if message in marks] == marks[1:]


def test_another_boot_is_read_from_its_start(shout, rows):
    """A position of an earlier boot does not hide the records of this one."""
    mark = f"boxwatch test {uuid4()}"
    shout(mark)
    source = KernelSource("box", {"boot_id": "earlier", "sequence": 10**9, "booted_us": 0})
    assert mark in messages(rows, turn(source))
    asyncio.run(source.close())


def test_overwritten_records_are_counted(shout, rows):
    """A position far behind what the ring still holds becomes a gap with its size."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    source = KernelSource("box", {"boot_id": boot, "sequence": -1000, "booted_us": 0})
    (gap,) = rows(turn(source), "notice")
    asyncio.run(source.close())
    assert source.lost >= 999
    assert (gap["notice"], gap["source"], gap["details"]["entries"]) == (
        "gap",
        "kernel",
        source.lost,
    )


def test_missing_device_is_absent_once(tmp_path, rows):
    """Without /dev/kmsg there is one status; the next read costs nothing."""
    source = KernelSource("box", None, KernelOptions(device=tmp_path / "kmsg"))
    said = rows(turn(source), "status")
    assert [row["state"] for row in said] == ["absent"]
    assert turn(source) == []
    assert asyncio.run(source.probe()).state == "absent"


def test_record_with_a_dictionary_keeps_its_device(tmp_path, rows):
    """SUBSYSTEM and DEVICE of a record are handed over; a facility is told from the level."""
    device = tmp_path / "kmsg"
    device.write_bytes(b"30,7,1500000,-;eth0: link \xff up\n SUBSYSTEM=net\n DEVICE=n2\n")
    source = KernelSource("box", {"boot_id": "x"}, KernelOptions(device=device))
    row = rows(turn(source), "kernel")[0]
    asyncio.run(source.close())
    assert (row["priority"], row["facility"], row["sequence"]) == (6, 3, 7)
    assert (row["subsystem"], row["device"], row["message"]) == ("net", "n2", "eth0: link \\xff up")


def test_what_is_no_record_costs_no_record(tmp_path, rows):
    """Garbage from the device is handed over as it is, and reading goes on."""
    device = tmp_path / "kmsg"
    device.write_bytes(b"\x00garbage;,,")
    source = KernelSource("box", {"boot_id": "x"}, KernelOptions(device=device))
    assert [row["message"] for row in rows(turn(source), "kernel")] == ["\x00garbage;,,"]
    asyncio.run(source.close())
