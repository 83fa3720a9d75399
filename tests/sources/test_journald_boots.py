"""Restarts of a system: told once, with both boots and how long nothing was written."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boxwatch.sources import JournaldSource, JournalOptions, LocalShell
from boxwatch.sources.journald_boots import Boots, shutdown_matches, told_to_stop

REMOTE = Path("/lib/systemd/systemd-journal-remote")
T = 1_700_000_000_000_000
OLD, NEW, THIRD = "a" * 32, "b" * 32, "c" * 32
STOPPED = "d93fb3c9c24d451a97cea615ce59c00b"


def row(boot, seconds, machine="m", **fields):
    """A row of the journal."""
    time = {"__REALTIME_TIMESTAMP": str(T + int(seconds * 1_000_000))}
    return (
        json.dumps(
            {"host": "box", **time, "_BOOT_ID": boot, "_MACHINE_ID": machine, **fields},
            separators=(",", ":"),
        ).encode()
        + b"\n"
    )


def split(boots, *rows):
    """The pieces and what each begins with."""
    return [(piece, restart and restart.boot) for piece, restart in boots.split(b"".join(rows))]


def test_a_new_boot_is_a_restart_where_it_begins():
    """The rows are cut before its first row; the time is that between the two."""
    rows = [row(OLD, 0), row(OLD, 1), row(NEW, 60), row(NEW, 61)]
    before, after = list(Boots().split(b"".join(rows)))
    assert before == (b"".join(rows[:2]), None)
    assert (after[0], after[1].previous, after[1].boot) == (b"".join(rows[2:]), OLD, NEW)
    assert (after[1].first - after[1].last).total_seconds() == 59


def test_the_first_boot_that_is_seen_is_no_restart():
    """Nothing is known of what was before."""
    assert split(Boots(), row(OLD, 0)) == [(row(OLD, 0), None)]


def test_a_restart_between_two_looks_is_seen():
    """What is known goes on from one block, and from one process, to the next."""
    boots = Boots()
    split(boots, row(OLD, 0))
    assert [boot for _, boot in split(Boots(boots.known), row(NEW, 5))] == [NEW]


def test_several_restarts_in_one_block():
    """Each at its place."""
    found = split(Boots(), row(OLD, 0), row(NEW, 1), row(THIRD, 2))
    assert [boot for _, boot in found] == [None, NEW, THIRD]


def test_a_boot_that_was_known_is_no_restart():
    """Entries of an older boot that come late, between those of the newer one."""
    boots = Boots()
    split(boots, row(OLD, 0), row(NEW, 9))
    assert [boot for _, boot in split(boots, row(OLD, 1), row(NEW, 10))] == [None]


def test_boots_of_other_machines_are_no_restarts():
    """A journal that gathers many machines goes to and fro between their boots."""
    found = split(Boots(), row(OLD, 0, "m"), row(NEW, 1, "n"), row(THIRD, 2, "m"))
    assert [boot for _, boot in found] == [None, None, THIRD]


def test_a_message_cannot_pretend_to_be_a_boot():
    """What a program says about boots is text."""
    said = row(OLD, 1, MESSAGE=f'x","_BOOT_ID":"{NEW}"', UNIT="_BOOT_ID")
    assert [boot for _, boot in split(Boots(), row(OLD, 0), said)] == [None]


@pytest.mark.parametrize("time", ["", "soon", "9" * 30, None, []])
def test_a_row_without_a_time_is_passed_on(time):
    """It tells no restart and stops nothing."""
    strange = json.dumps({"_BOOT_ID": NEW, "__REALTIME_TIMESTAMP": time}, separators=(",", ":"))
    lines = strange.encode() + b"\n"
    assert split(Boots(), row(OLD, 0), lines)[-1][1] is None
    assert b"".join(piece for piece, _ in split(Boots(), lines)) == lines


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], False),
        ([row(OLD, 0, UNIT="shutdown.target")], True),
        ([row(OLD, -1000, UNIT="shutdown.target")], False),
        ([row(OLD, 5, MESSAGE_ID=STOPPED)], True),
        ([row(OLD, 4, MESSAGE_ID=STOPPED)], False),
    ],
)
def test_what_counts_as_a_shutdown(rows, said):
    """Its signs near the end; journald that stops, only if nothing came after."""
    assert told_to_stop(b"".join(rows), T + 5_000_000) is said


def test_the_signs_are_looked_for_in_one_boot():
    """Each alternative names the boot: journalctl joins with AND between plus signs."""
    words = " ".join(shutdown_matches(OLD)).split(" + ")
    assert len(words) == 3
    assert all(word.startswith(f"_BOOT_ID={OLD} ") for word in words)


@pytest.fixture
def recorded(tmp_path):
    """A journal of two boots, the first of which ends as `last` says; a reader of it."""
    if not REMOTE.exists():
        pytest.skip("systemd-journal-remote is not on this machine")

    def write(last):
        said = [(OLD, 0, "work"), (OLD, 10, last), (NEW, 52, "first"), (NEW, 53, "second")]
        entries = "".join(
            f"__REALTIME_TIMESTAMP={T + at * 1_000_000}\n__MONOTONIC_TIMESTAMP={at + 1}\n"
            f"_BOOT_ID={boot}\n_MACHINE_ID={'e' * 32}\nMESSAGE={text}\n\n"
            for boot, at, text in said
        )
        argv = [REMOTE, f"--output={tmp_path}/a.journal", "-"]
        subprocess.run(argv, input=entries.encode(), check=True, capture_output=True)

    def read(position=None):
        options = JournalOptions(
            follow=False,
            since=datetime(2020, 1, 1, tzinfo=UTC),
            arguments=(f"--directory={tmp_path}",),
        )
        return JournaldSource(LocalShell(), "box", position, options)

    return write, read


@pytest.mark.parametrize(
    ("last", "shut_down"),
    [
        ("killed here", False),
        (f"Journal stopped\n_TRANSPORT=driver\nMESSAGE_ID={STOPPED}", True),
        ("liar\nUNIT=shutdown.target\n_PID=7", False),
    ],
)
def test_a_restart_in_a_real_journal(recorded, until, rows, last, shut_down):
    """It comes before the first entry of the new boot, and says how the old one ended."""
    write, read = recorded
    write(last)
    source = read()
    chunks = asyncio.run(until(source, lambda _: source.done))
    (notice,) = rows(chunks, "notice")
    assert (notice["notice"], notice["details"]["silent_seconds"]) == ("system restart", 42.0)
    assert notice["details"]["shut_down"] is shut_down
    kinds = [chunk.kind for chunk in chunks if chunk.kind != "status"]
    assert kinds == ["systemd", "notice", "systemd"]
    assert [row["MESSAGE"] for row in rows(chunks, "systemd")][2:] == ["first", "second"]


def test_a_restart_is_told_once_across_our_own(recorded, until, rows):
    """A reader that goes on from a position does not tell it again."""
    write, read = recorded
    write("x")
    first = read()
    asyncio.run(until(first, lambda _: first.done))
    again = read(first.position())
    chunks = asyncio.run(until(again, lambda _: again.done))
    assert (rows(chunks, "notice"), rows(chunks, "systemd")) == ([], [])
