"""The journal while its tools are struck: nothing lost, nothing twice, and silence is noticed."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boxwatch.sources import JournaldSource, JournalOptions, LocalShell
from boxwatch.sources.journald_marks import entries_between

REMOTE = Path("/lib/systemd/systemd-journal-remote")
PATIENCE_S = 240.0
LINES = 4000
EVERY_S = 1 / 2000


def followers():
    """The journalctl processes of this test that follow."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"--follow" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    ]


class Writer(threading.Thread):
    """Writes numbered lines, 2,000 a second or as fast as the machine can."""

    def __init__(self, journal):
        super().__init__()
        self.journal = journal
        self.written = 0

    def run(self):
        began = time.monotonic()
        for number in range(LINES):
            self.journal.send(f"n{number}", NUMBER=number)
            self.written = number + 1
            time.sleep(max(0, began + number * EVERY_S - time.monotonic()))


@pytest.fixture
def numbers(rows):
    """The numbers of the lines in chunks, in order."""

    def of(chunks):
        said = [row["MESSAGE"] for row in rows(chunks, "systemd")]
        return [int(text[1:]) for text in said if isinstance(text, str) and text[1:].isdigit()]

    return of


async def struck(journal, journal_source, numbers, strike):
    """Read while a writer writes and `strike(reader, count)` gives the next reader; what came."""
    reader = journal_source()
    async with asyncio.timeout(PATIENCE_S):
        while not reader.position():
            await reader.read()
            await asyncio.sleep(0.01)
        writer = Writer(journal)
        writer.start()
        got, chunks, strikes = [], [], 0
        while len(got) < LINES or got[-1] != LINES - 1:
            chunks += await reader.read()
            got = numbers(chunks)
            if len(got) >= (strikes + 1) * LINES // 16 and strikes < 14:
                strikes += 1
                reader = await strike(reader, strikes)
            await asyncio.sleep(0.01)
        await reader.close()
    await asyncio.to_thread(writer.join)
    return got, strikes, chunks


def test_a_journalctl_that_is_killed_again_and_again_loses_nothing(
    journal, journal_source, numbers, rows
):
    """Killed, or left by a reader that begins anew from its position, 14 times in the flood."""

    async def strike(reader, count):
        if count % 2:
            for pid in followers():
                os.kill(pid, signal.SIGKILL)
            return reader
        position = reader.position()
        await reader.close()
        return journal_source(position)

    got, strikes, chunks = asyncio.run(struck(journal, journal_source, numbers, strike))
    assert strikes == 14
    assert got == list(range(LINES))
    assert rows(chunks, "notice") == []


def test_rotation_and_vacuum_of_what_was_read_lose_nothing(journal, journal_source, numbers, rows):
    """Files are closed, renamed and removed behind the reader while lines come."""

    async def strike(reader, count):
        if count % 3 == 0:
            await asyncio.to_thread(journal.rotate)
        if count == 14:
            for file in sorted(journal.archived(), key=lambda path: path.stat().st_mtime)[:-2]:
                file.unlink()
        return reader

    got, _, chunks = asyncio.run(struck(journal, journal_source, numbers, strike))
    assert got == list(range(LINES))
    assert rows(chunks, "notice") == []


def test_a_journald_that_is_killed_and_started_again_is_followed(
    journal, journal_source, until, rows
):
    """Its files are renamed as damaged and new ones begun; what it had taken is all there."""

    def said(chunks):
        return [row["MESSAGE"] for row in rows(chunks, "systemd")]

    async def watch():
        reader = journal_source()
        await until(reader, lambda _: bool(reader.position()))
        journal.send("before")
        chunks = await until(reader, lambda c: "before" in said(c))
        await asyncio.to_thread(journal.restart)
        journal.send("after")
        chunks += await until(reader, lambda c: "after" in said(c), PATIENCE_S)
        await reader.close()
        return [text for text in said(chunks) if text in ("before", "after")]

    assert asyncio.run(watch()) == ["before", "after"]


def test_a_journalctl_that_falls_silent_is_noticed(journal, journal_source, until, rows):
    """Stopped, it lives and says nothing; the journal has grown, so it is started anew."""

    async def watch():
        reader = journal_source(quiet_s=0.2)
        await until(reader, lambda _: bool(reader.position() and followers()), PATIENCE_S)
        os.kill(followers()[0], signal.SIGSTOP)
        journal.send("unheard")
        chunks = await until(
            reader, lambda c: b"unheard" in b"".join(x.lines for x in c), PATIENCE_S
        )
        await reader.close()
        return [row["state"] for row in rows(chunks, "status")]

    assert "hung" in asyncio.run(watch())


def test_a_quiet_journal_is_no_fault(journal, journal_source, until, rows):
    """Nothing comes and nothing is there: the follower is left alone."""

    async def watch():
        reader = journal_source(quiet_s=0.05)
        await until(reader, lambda _: bool(reader.position() and followers()), PATIENCE_S)
        before = followers()
        await asyncio.sleep(1)
        chunks = await reader.read()
        after = followers()
        await reader.close()
        return before == after, rows(chunks, "status")

    assert asyncio.run(watch()) == (True, [])


@pytest.fixture
def imported(tmp_path):
    """Writes entries, each a dict of fields, as a journal file of that name; its folder."""
    if not REMOTE.exists():
        pytest.skip("systemd-journal-remote is not on this machine")
    folder = tmp_path / "imported"
    folder.mkdir()

    def write(name, *entries):
        text = "".join(
            f"__REALTIME_TIMESTAMP={1_700_000_000_000_000 + number}\n__MONOTONIC_TIMESTAMP=1\n"
            f"_BOOT_ID={'b' * 32}\n" + "".join(f"{k}={v}\n" for k, v in entry.items()) + "\n"
            for number, entry in enumerate(entries)
        )
        argv = [REMOTE, f"--output={folder}/{name}.journal", "-"]
        subprocess.run(argv, input=text.encode(), check=True, capture_output=True)
        return folder

    return write


def collected(folder, until, **options):
    """Everything in the journal of a folder."""
    since = datetime(2020, 1, 1, tzinfo=UTC)
    arguments = (f"--directory={folder}",)
    options = JournalOptions(follow=False, since=since, arguments=arguments, **options)
    reader = JournaldSource(LocalShell(), "box", None, options)
    return asyncio.run(until(reader, lambda _: reader.done))


def test_a_damaged_file_costs_no_other_one(imported, until, rows):
    """It is told as a gap of unknown size; the other files are read."""
    imported("bad", {"MESSAGE": "lost"})
    folder = imported("good", {"MESSAGE": "kept"})
    with (folder / "bad.journal").open("r+b") as file:
        file.truncate(100)
    chunks = collected(folder, until)
    assert [row["MESSAGE"] for row in rows(chunks, "systemd")] == ["kept"]
    (notice,) = rows(chunks, "notice")
    assert ("bad.journal" in notice["message"], notice["details"]["entries"]) == (True, None)


def test_entries_that_journalctl_leaves_out_are_told(journal, journal_source, until, rows):
    """Zeros in the middle of a closed file: it prints less, and ends as if all were well."""
    for number in range(2000):
        journal.send(f"{number} {'x' * 200}")
    journal.wait_for(f"1999 {'x' * 200}")
    journal.rotate()
    journal.send("end")
    journal.wait_for("end")
    closed = journal.archived()[0]
    place = closed.read_bytes().find(b"MESSAGE=1000 x")
    with closed.open("r+b") as damaged:
        damaged.seek(place)
        damaged.write(b"\0" * 40_000)
    chunks = collected(journal.folder, until)
    came = len(rows(chunks, "systemd"))
    (notice,) = rows(chunks, "notice")
    first, last = (rows(chunks, "systemd")[n]["__CURSOR"] for n in (0, -1))
    assert notice["details"]["entries"] == entries_between(first, last) + 2 - came > 0


def test_chosen_units_come_with_systemd_and_the_kernel(imported, until, rows):
    """What the unit writes, what systemd says of it, and what the kernel says."""
    folder = imported(
        "units",
        {"MESSAGE": "own", "_SYSTEMD_UNIT": "a.service"},
        {"MESSAGE": "other", "_SYSTEMD_UNIT": "b.service"},
        {"MESSAGE": "started", "UNIT": "a.service", "_PID": "1"},
        {"MESSAGE": "claimed", "UNIT": "a.service", "_PID": "7", "_SYSTEMD_UNIT": "b.service"},
        {"MESSAGE": "kernel", "_TRANSPORT": "kernel"},
    )
    chunks = collected(folder, until, units=("a",))
    assert [row["MESSAGE"] for row in rows(chunks, "systemd")] == ["own", "started", "kernel"]


def test_parts_of_a_container_line_arrive_in_one_chunk(imported, until, rows):
    """An end that does not come is not waited for; what came goes out as it is."""
    part = {"CONTAINER_ID_FULL": "c", "PRIORITY": "6"}
    folder = imported(
        "parts", {"MESSAGE": "x"}, {"MESSAGE": "y", "CONTAINER_PARTIAL_MESSAGE": "true", **part}
    )
    chunks = collected(folder, until)
    assert [
        [row["MESSAGE"] for row in rows([c], "systemd")] for c in chunks if c.kind == "systemd"
    ] == [["x"], ["y"]]
