"""The kernel log read with commands, from a ring of our own and from the real one."""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import pytest

from boxwatch.sources import KernelOptions, KernelStream, LocalShell, Pauses

KMSG = Path("/dev/kmsg")
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
OLD = 1_000  # microseconds since boot: long before this test
NEW = 10**15  # long after


def record(sequence, text, micros=NEW, level=4):
    """A record as /dev/kmsg writes it."""
    return f"{level},{sequence},{micros},-;{text}\n"


@pytest.fixture
def stream(tmp_path):
    """Builds a source on a file that stands for the ring; its commands see `tools` first."""

    def build(position=None, ring=None, tools=None):
        env = os.environ if tools is None else {"PATH": f"{tools}:{os.environ['PATH']}"}
        options = KernelOptions(
            device=tmp_path / "kmsg" if ring is None else ring, pauses=Pauses(0.02, 0.1)
        )
        return KernelStream(LocalShell(env=dict(env)), "box", position, options)

    return build


@pytest.fixture
def drain(until):
    """The chunks of a source until `enough` of them came; it is closed then."""

    def run(source, enough):
        async def go():
            try:
                return await until(source, enough, limit_s=60.0)
            finally:
                await source.close()

        return asyncio.run(go())

    return run


def messages(rows, chunks):
    """The kernel's lines among chunks."""
    return [row["message"] for row in rows(chunks, "kernel")]


def test_a_first_start_begins_now(stream, drain, rows, tmp_path):
    """What the ring held before is not news; what comes is."""
    (tmp_path / "kmsg").write_text(record(1, "old", OLD) + record(2, "new"))
    source = stream()
    chunks = drain(source, lambda c: messages(rows, c))
    assert messages(rows, chunks) == ["new"]
    assert source.position()["sequence"] == 2


def test_reading_goes_on_after_the_position_without_doubles(stream, drain, rows, tmp_path):
    """The ring is printed from its start each time; what was handed over is left out."""
    (tmp_path / "kmsg").write_text("".join(record(n, f"line {n}", n) for n in range(6)))
    at = {"boot_id": BOOT, "sequence": 3, "booted_us": 0, "micros": 3}
    source = stream(at)
    chunks = drain(source, lambda _: source.position()["sequence"] == 5)
    assert messages(rows, chunks) == ["line 4", "line 5"]


def test_a_hole_in_the_numbers_is_a_gap(stream, drain, rows, tmp_path):
    """Records that the ring overwrote are told, with how many they were."""
    (tmp_path / "kmsg").write_text(record(8, "later", 9_000_000) + record(9, "on", 9_000_001))
    at = {"boot_id": BOOT, "sequence": 3, "booted_us": 0, "micros": 1_000_000}
    chunks = drain(stream(at), lambda c: messages(rows, c))
    (gap,) = rows(chunks, "notice")
    assert (gap["notice"], gap["source"], gap["details"]["entries"]) == ("gap", "kernel", 4)
    assert gap["details"]["seconds"] == 8.0


def test_another_boot_is_read_from_its_start(stream, drain, rows, tmp_path):
    """Numbers begin again; nothing is taken for seen."""
    (tmp_path / "kmsg").write_text(record(0, "first", OLD) + record(1, "second", OLD))
    at = {"boot_id": "another", "sequence": 900, "booted_us": 0, "micros": 5}
    chunks = drain(stream(at), lambda c: messages(rows, c))
    assert messages(rows, chunks) == ["first", "second"]
    assert rows(chunks, "notice") == []


def tool(folder, name, script):
    """A program of our own that comes first on the path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return folder


def test_dmesg_reads_where_the_device_cannot_be(stream, drain, rows, tmp_path):
    """Without /dev/kmsg the lines come from dmesg, with level and time."""
    script = "[ $2 ] && echo '<3>[999999999.000001] NVRM: Xid' && sleep 1000"
    tools = tool(tmp_path / "bin", "dmesg", script)
    chunks = drain(stream(tools=tools), lambda c: messages(rows, c))
    (row,) = rows(chunks, "kernel")
    assert (row["message"], row["priority"], "sequence" in row) == ("NVRM: Xid", 3, False)


def test_dmesg_read_again_gives_no_doubles(stream, drain, rows, tmp_path):
    """Without numbers, time tells what was handed over."""
    lines = r"printf '<3>[999999999.000001] one\n<3>[999999999.000002] two\n'; [ $2 ] && sleep 1000"
    tools = tool(tmp_path / "bin", "dmesg", lines)
    at = {"boot_id": BOOT, "sequence": None, "booted_us": 0, "micros": 999999999000001}
    chunks = drain(stream(at, tools=tools), lambda c: messages(rows, c))
    assert messages(rows, chunks) == ["two"]


def test_a_log_that_may_not_be_read_is_denied_once(stream, drain, rows, tmp_path):
    """Both ways refused: one status with what they said, and how to allow it."""
    refusal = "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1"
    tools = tool(tmp_path / "bin", "dmesg", refusal)
    source = stream(tools=tools)
    (status,) = rows(drain(source, lambda c: rows(c, "status")), "status")
    assert status["state"] == "denied"
    assert "Operation not permitted" in status["reason"]
    assert "dmesg_restrict" in status["hint"]


def test_the_real_ring_is_followed(stream, drain, rows):
    """What is written once the real ring is read comes, and once: the first line, too."""
    if not os.access(KMSG, os.R_OK | os.W_OK):
        pytest.skip("/dev/kmsg cannot be read and written by this user")
    mark = f"boxwatch test {uuid4()}"
    source = stream(ring=KMSG)
    written = []

    def heard(chunks):
        if not written and rows(chunks, "status"):
            written.append(KMSG.write_text(f"<3>{mark}\n"))
        return mark in messages(rows, chunks)

    chunks = drain(source, heard)
    assert messages(rows, chunks).count(mark) == 1
    assert {row["boot_id"] for row in rows(chunks, "kernel")} == {BOOT}


def test_a_ring_whose_clock_is_behind_loses_no_line(stream, drain, rows, tmp_path):
    """What is news is measured by the ring's own records, not by the time the host is up."""
    tools = tool(tmp_path / "bin", "dmesg", "echo '<6>[    0.005000] last'")
    (tmp_path / "kmsg").write_text(record(1, "last", 5_000) + record(2, "new", 5_001))
    chunks = drain(stream(tools=tools), lambda c: messages(rows, c))
    assert messages(rows, chunks) == ["new"]
