"""The journal, read from a real journald."""

import asyncio
import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import JournaldSource, JournalOptions, LocalShell, Pauses


def _own(rows, chunks):
    return [row for row in rows(chunks, "systemd") if row.get("SYSLOG_IDENTIFIER") == "test"]


@pytest.fixture
def messages(rows):
    """The messages of this test among chunks, in order; journald's own are left out."""
    return lambda chunks: [row["MESSAGE"] for row in _own(rows, chunks)]


def watched(source, until, enough, action=None):
    """Read until `enough`, doing `action` once the source stands; the chunks and the position."""

    async def watch():
        try:
            chunks = await until(source, lambda _: bool(source.position()))
            if action is not None:
                action()
            chunks += await until(source, lambda more: enough(chunks + more))
            return chunks, source.position()
        finally:
            await source.close()

    return asyncio.run(watch())


def test_watching_begins_now(journal, journal_source, until, messages):
    """Without a position, what was there before is not handed over; what comes is."""
    journal.send("old")
    journal.wait_for("old")
    chunks, _ = watched(
        journal_source(), until, lambda c: "new" in messages(c), lambda: journal.send("new")
    )
    assert messages(chunks) == ["new"]


def test_watching_an_empty_journal_misses_nothing(journal, journal_source, until, messages):
    """The first entry of a journal that had none is handed over."""
    chunks, _ = watched(journal_source(), until, messages, lambda: journal.send("first"))
    assert "first" in messages(chunks)


def test_collecting_hands_over_everything_since_and_ends(
    journal, journal_source, rows, messages, until
):
    """A source that does not follow hands over what is there and is done."""
    for i in range(50):
        journal.send(f"line {i}")
    journal.wait_for("line 49")
    collector = journal_source(follow=False, since=datetime(2020, 1, 1, tzinfo=UTC))
    chunks = asyncio.run(until(collector, lambda _: collector.done))
    assert messages(chunks) == [f"line {i}" for i in range(50)]


def test_resuming_loses_and_doubles_nothing(journal, journal_source, until, messages):
    """More than ten entries written while nobody read are all handed over, once."""
    _, position = watched(
        journal_source(), until, lambda c: "a0" in messages(c), lambda: journal.send("a0")
    )
    for i in range(30):
        journal.send(f"b{i}")
    journal.rotate()
    journal.send("end")
    chunks, _ = watched(journal_source(position), until, lambda c: "end" in messages(c))
    assert messages(chunks) == [f"b{i}" for i in range(30)] + ["end"]


def test_position_is_of_what_was_handed_over(journal, journal_source, until, messages):
    """Entries that were read but not handed over do not move the position."""

    async def watch():
        reader = journal_source()
        await until(reader, lambda _: bool(reader.position()))
        journal.send("x")
        chunks = await until(reader, lambda c: "x" in messages(c))
        before = reader.position()
        journal.send("y")
        await asyncio.to_thread(journal.wait_for, "y")
        await asyncio.sleep(0.1)
        after = reader.position()
        await reader.close()
        return before, after, messages(chunks)

    before, after, got = asyncio.run(watch())
    assert (before, got) == (after, ["x"])


def test_rotation_while_following_loses_nothing(journal, journal_source, until, messages):
    """Entries before and after rotations arrive in order."""

    def write():
        for i in range(5):
            journal.send(f"r{i}")
            journal.rotate()

    chunks, _ = watched(journal_source(), until, lambda c: "r4" in messages(c), write)
    assert messages(chunks) == [f"r{i}" for i in range(5)]


def test_vacuumed_cursor_is_reported_as_a_gap(journal, journal_source, until, messages, rows):
    """If the entry of the cursor is gone, a notice says so, and all that is left is read."""
    _, position = watched(
        journal_source(), until, lambda c: "seen" in messages(c), lambda: journal.send("seen")
    )
    journal.send("lost")
    journal.wait_for("lost")
    journal.rotate()
    journal.send("left 1")
    journal.send("left 2")
    journal.wait_for("left 2")
    for file in journal.archived():
        file.unlink()
    chunks, _ = watched(journal_source(position), until, lambda c: "left 2" in messages(c))
    assert messages(chunks) == ["left 1", "left 2"]
    (notice,) = rows(chunks, "notice")
    assert (notice["notice"], notice["details"]["entries"]) == ("gap", 1)


def test_cursor_that_journalctl_refuses_is_a_gap_not_an_end(
    journal, journal_source, until, rows, messages
):
    """A damaged cursor falls back on the time of the position."""
    position = {"cursor": "nonsense", "realtime_us": 1}
    journal.send("there")
    chunks, _ = watched(journal_source(position), until, lambda c: "there" in messages(c))
    assert [row["notice"] for row in rows(chunks, "notice")] == ["gap"]


def test_entries_of_another_boot_are_followed(journal, journal_source, until, rows, tmp_path):
    """A file of another boot that appears beside the followed one is read too."""
    remote = Path("/lib/systemd/systemd-journal-remote")
    if not remote.exists():
        pytest.skip("systemd-journal-remote is not on this machine")

    def write():
        entry = (
            f"__REALTIME_TIMESTAMP={time.time_ns() // 1000}\n__MONOTONIC_TIMESTAMP=1\n"
            f"_BOOT_ID={'b' * 32}\n_MACHINE_ID={'a' * 32}\nMESSAGE=other boot\n\n"
        )
        argv = [remote, f"--output={journal.folder}/other.journal", "-"]
        subprocess.run(argv, input=entry.encode(), check=True, capture_output=True)

    def other(chunks):
        return [row for row in rows(chunks, "systemd") if row["_BOOT_ID"] == "b" * 32]

    chunks, _ = watched(journal_source(), until, other, write)
    assert [row["MESSAGE"] for row in other(chunks)] == ["other boot"]


def test_journalctl_that_dies_is_started_again(journal, journal_source, until, messages):
    """Killing the follower costs nothing: reading goes on after the last entry."""

    async def watch():
        reader = journal_source()
        await until(reader, lambda _: bool(reader.position()))
        journal.send("before")
        chunks = await until(reader, lambda c: "before" in messages(c))
        for pid in _followers():
            os.kill(int(pid), signal.SIGKILL)
        journal.send("after")
        chunks += await until(reader, lambda c: "after" in messages(c))
        await reader.close()
        return messages(chunks)

    assert asyncio.run(watch()) == ["before", "after"]


def _followers():
    """The journalctl processes that this test started and that follow."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        child
        for child in children
        if b"--follow" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    ]


def test_long_and_binary_messages_come_through(journal, journal_source, until, rows):
    """A 100 kB message is whole; bytes that are not UTF-8 come as journalctl prints them."""
    journal_lines = ["x" * 100_000, b"bad \xff byte"]
    chunks, _ = watched(
        journal_source(),
        until,
        lambda c: len(_own(rows, c)) == 2,
        lambda: [journal.send(line) for line in journal_lines],
    )
    first, second = _own(rows, chunks)
    assert len(first["MESSAGE"]) == 100_000
    assert bytes(second["MESSAGE"]) == b"bad \xff byte"


def test_missing_journalctl_is_said_once(until, rows, tmp_path):
    """Without journalctl there is one status, and trying goes on with growing pauses."""
    shell = LocalShell(env={"PATH": str(tmp_path)})

    async def watch():
        reader = JournaldSource(shell, "box", None, JournalOptions(pauses=Pauses(0.01, 0.05)))
        chunks = await until(reader, bool)
        await asyncio.sleep(0.2)
        chunks += await reader.read()
        await reader.close()
        return rows(chunks, "status"), await reader.probe()

    said, capability = asyncio.run(watch())
    assert [(row["state"], row["source"]) for row in said] == [("absent", "journald")]
    assert capability.state == "absent"


def test_a_machine_without_a_journal_is_said_alike_by_looking_and_by_collecting(
    until, rows, tmp_path
):
    """Where journalctl is there and shows nothing, both say that there is none."""
    tool = tmp_path / "journalctl"
    tool.write_text("#!/bin/sh\necho '-- No entries --'\n")
    tool.chmod(0o755)
    shell = LocalShell(env={"PATH": f"{tmp_path}:/bin"})

    async def collected():
        options = JournalOptions(follow=False, since=datetime(2020, 1, 1, tzinfo=UTC))
        reader = JournaldSource(shell, "box", None, options)
        chunks = await until(reader, lambda _: reader.done)
        return rows(chunks, "status"), await reader.probe()

    (said,), capability = asyncio.run(collected())
    assert (said["state"], said["reason"]) == (capability.state, capability.reason)
    assert capability.state == "absent"


def test_refused_journal_is_denied_with_a_hint(until, rows, tmp_path):
    """What journalctl says to a user without rights becomes denied, with the group to join."""
    tool = tmp_path / "journalctl"
    tool.write_text(
        "#!/bin/sh\n"
        "echo 'No journal files were opened due to insufficient permissions.' >&2\nexit 1\n"
    )
    tool.chmod(0o755)
    shell = LocalShell(env={"PATH": f"{tmp_path}:/bin"})
    capability = asyncio.run(JournaldSource(shell, "box").probe())
    assert (capability.state, "systemd-journal" in capability.hint) == ("denied", True)


def test_probe_and_kernel_lines(journal, journal_source):
    """An answering journal is ok; one without kernel lines says so."""
    journal.send("x")
    journal.wait_for("x")
    assert asyncio.run(journal_source().probe()).state == "ok"
    assert asyncio.run(journal_source().carries_kernel()) is False


def test_position_of_another_source_is_refused():
    """A position without a cursor is an error that names it."""
    with pytest.raises(SourceError, match="not a position"):
        JournaldSource(LocalShell(), "box", {"offset": 3})


def test_closing_leaves_nothing(journal, journal_source, until, messages, alone):
    """After close() no process, file or task is left."""

    async def watch():
        before = await alone()
        reader = journal_source()
        await until(reader, lambda _: bool(reader.position()))
        await reader.close()
        return before, await alone()

    before, after = asyncio.run(watch())
    assert after == before
