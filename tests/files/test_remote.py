"""Log files of another machine: followed through rotation and broken lines, each line once."""

import asyncio
import gzip
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files.following import add

from boxwatch.sources import FilesOptions, LocalShell, Login, Pauses
from boxwatch.sources.remote_files import RemoteFiles
from boxwatch.sources.remote_log import ROOM, Listed, RemoteLog, logs_of
from boxwatch.sources.ssh_shell import SshShell

LIMIT_S = 60.0


class Follower:
    """A source in an event loop of its own, read until something has come."""

    def __init__(self, folder, shell, position=None, pattern="*.log", **options):
        self._runner = asyncio.Runner()
        self._shell = shell
        chosen = FilesOptions(
            [str(folder / pattern)], **{"from_start": True, "linger_s": 0.0, **options}
        )
        self.source = RemoteFiles(shell, "box", chosen, position, Pauses(0.05, 0.1))
        self.rows = []
        self.notices = []
        self.states = []

    def until(self, enough):
        """Read until `enough(self)`; all lines so far."""

        async def work():
            async with asyncio.timeout(LIMIT_S):
                while not enough(self):
                    for chunk in await self.source.read():
                        kept = {"file": self.rows, "notice": self.notices, "status": self.states}
                        kept[chunk.kind] += map(json.loads, chunk.lines.splitlines())
                    await asyncio.sleep(0.01)

        self._runner.run(work())
        return self.lines

    def comes(self, *lines):
        """Read until these are all lines there were; then there are no others."""
        self.until(lambda f: len(f.rows) >= len(lines))
        assert self.lines == list(lines)

    @property
    def lines(self):
        return [row["message"] for row in self.rows]

    def stop(self):
        self._runner.run(self.source.close())
        if isinstance(self._shell, SshShell):
            self._runner.run(self._shell.close())
        self._runner.close()
        return json.loads(json.dumps(self.source.position()))


@pytest.fixture
def follow(tmp_path):
    """Starts followers of the log folder, over a shell of this machine unless told."""
    started = []

    def start(position=None, shell=None, **options):
        shell = LocalShell() if shell is None else shell
        started.append(Follower(tmp_path, shell, position, **options))
        return started[-1]

    start.stop = lambda: started.pop().stop()
    yield start
    for one in started:
        one.stop()


@pytest.fixture(params=["perl", "python3"])
def only(request, tmp_path):
    """A shell on which only this language is found."""
    program = {"perl": shutil.which("perl"), "python3": sys.executable}[request.param]
    if program is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / request.param).symlink_to(program)
    return LocalShell(env={"PATH": str(folder)})


def readers():
    """The processes that this one started."""
    return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_lines_are_followed_in_either_language(log, follow, only):
    """From the start, as they are written, whole; with where they stood."""
    add(log, "a\nb")
    follower = follow(shell=only)
    follower.comes("a")
    add(log, "b\n\xff\n".encode("latin-1"))
    follower.comes("a", "bb", "\\xff")
    assert [row["offset"] for row in follower.rows] == [0, 2, 5]
    assert {row["path"] for row in follower.rows} == {str(log)}
    assert {row["inode"] for row in follower.rows} == {log.stat().st_ino}


def test_watching_begins_at_the_end(log, follow):
    """What was there is left, also half a line; new files are read from their start."""
    add(log, "old\nhalf")
    follower = follow(from_start=False)
    follower.until(lambda f: f.source.position())
    add(log, " a line\nnew\n")
    follower.comes("new")
    add(log.with_name("other.log"), "other\n")
    follower.comes("new", "other")


@pytest.mark.parametrize("away", [False, True], ids=["following", "away"])
def test_renamed_log_loses_nothing(log, follow, only, away):
    """Rotated twice, watched or not: what stands in the parts comes first, each line once."""
    add(log, "a\n")
    follower = follow(shell=only)
    follower.comes("a")
    position = follow.stop() if away else None
    add(log, "b\n")
    log.rename(log.with_name("app.log.2"))
    add(log, "c\n")
    log.rename(log.with_name("app.log.1"))
    add(log, "d\n")
    if away:
        follow(position, shell=only).comes("b", "c", "d")
    else:
        follower.comes("a", "b", "c", "d")
        assert follower.notices == []


def test_log_that_is_made_anew_only_later_is_read_once(log, follow):
    """Renamed, and for a while nothing has its name: its older part is no log of its own."""
    add(log, "a\n")
    follower = follow(pattern="*.log*", linger_s=3.0)
    follower.comes("a")
    log.rename(log.with_name("app.log.1"))
    add(log.with_name("other.log"), "x\n")
    follower.comes("a", "x")
    add(log, "b\n")
    follower.comes("a", "x", "b")


@pytest.mark.parametrize("end", ["packed", "deleted"])
def test_log_that_is_packed_or_deleted_is_read_to_its_end(log, follow, end):
    """While the reader holds it: what was written last is not lost."""
    add(log, "a\n")
    follower = follow()
    follower.comes("a")
    add(log, "b\n")
    old = log.rename(log.with_name("app.log.1"))
    if end == "packed":
        old.with_name("app.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    add(log, "c\n")
    follower.comes("a", "b", "c")


def test_part_that_was_deleted_unread_is_a_gap(log, follow):
    """While nobody watched: said, and the log is read on from its start."""
    add(log, "a\n")
    follow().comes("a")
    position = follow.stop()
    add(log.with_name("next"), "c\n")
    log.with_name("next").rename(log)
    follower = follow(position)
    follower.comes("c")
    follower.until(lambda f: f.notices)
    assert "rotated away" in follower.notices[0]["message"]


def test_emptied_log_is_read_anew(log, follow):
    """As copytruncate leaves it: a gap, and the new lines."""
    add(log, "a\nb\n")
    follower = follow()
    follower.comes("a", "b")
    os.truncate(log, 0)
    follower.until(lambda f: f.notices)
    add(log, "c\n")
    follower.comes("a", "b", "c")
    assert "was emptied" in follower.notices[0]["message"]


def test_log_that_was_written_anew_meanwhile_is_known_as_another(log, follow):
    """The same file with other bytes before the place: read from its start, and said."""
    add(log, "one\n")
    follow().comes("one")
    position = follow.stop()
    log.write_text("two is longer\n")
    follower = follow(position)
    follower.comes("two is longer")
    follower.until(lambda f: f.notices)


def test_reader_that_is_killed_loses_nothing(log, follow):
    """Each line once, again and again; the trouble is told."""
    before = set(readers())
    follower, expected = follow(), []
    for number in range(5):
        add(log, f"{number}\n")
        expected.append(str(number))
        follower.comes(*expected)
        for pid in set(readers()) - before:
            os.kill(pid, signal.SIGKILL)
        add(log, f"{number}b\n")
        expected.append(f"{number}b")
        follower.comes(*expected)
    assert {"failing", "ok"} <= {row["state"] for row in follower.states}


def test_restarts_lose_nothing_and_double_nothing(log, follow):
    """Stopped at any moment, resumed by the position of what was handed over."""
    position, seen = None, []
    for number in range(8):
        add(log, "".join(f"{number}.{line}\n" for line in range(500)))
        follower = follow(position)
        seen += follower.until(lambda f: f.rows)
        position = follow.stop()
    follower = follow(position)
    while len(seen) < 4000:
        held = len(follower.rows)
        seen += follower.until(lambda f, held=held: len(f.rows) > held)[held:]
    assert seen == [f"{number}.{line}" for number in range(8) for line in range(500)]


def test_long_lines_and_many_lines(log, follow):
    """A line of two megabytes between many short ones."""
    long = "x" * (8 * ROOM)
    add(log, "a\n" * 100_000 + long + "\n" + "b\n" * 10)
    follower = follow()
    lines = follower.until(lambda f: len(f.rows) >= 100_011)
    assert lines == ["a"] * 100_000 + [long] + ["b"] * 10


def test_tracebacks_are_one_record(log, follow):
    """As in files of this machine."""
    text = "Traceback (most recent call last):\n  File 'x', line 1\nValueError: no"
    add(log, f"{text}\nnext\n")
    follow(hold_s=0.1).comes(text, "next")


def test_machine_without_a_language_says_so(log, follow, tmp_path):
    """Once, with what is needed."""
    follower = follow(shell=LocalShell(env={"PATH": str(tmp_path)}))
    follower.until(lambda f: f.states)
    assert (follower.states[0]["state"], "perl or python3" in follower.states[0]["hint"]) == (
        *("absent",),
        True,
    )


def test_logs_are_read_over_ssh(log, follow, sshd):
    """Through a server that is stopped in between; nothing is lost and nothing comes twice."""
    add(log, "a\n")
    login = Login("127.0.0.1", sshd.port, sshd.user, (sshd.key,), sshd.known_hosts)
    follower = follow(shell=SshShell(login))
    follower.comes("a")
    sshd.stop()
    add(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    add(log, "c\n")
    sshd.start()
    follower.comes("a", "b", "c")


@given(
    pieces=st.lists(st.binary(max_size=20), max_size=12),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=12),
)
def test_any_bytes_become_their_lines(pieces, cuts):
    """However they come: all lines, in order, each with its place."""
    data = b"".join(one + b"\n" for one in pieces)
    log, records, turn = RemoteLog("/x.log", 1), [], 0
    while log.offset < len(data):
        known = data[: sum(cuts[: turn + 1])] if turn < len(cuts) else data
        records += log.take(known[log.offset :][: log.room], float(turn))
        turn += 1
    records += log.take(b"", 1e9) + log.rest()
    joined = b"".join(record.text + b"\n" for record in records)
    assert joined.replace(b"\n", b"") == data.replace(b"\n", b"")
    assert all(data[r.offset :].startswith(r.text) for r in records)


def test_older_parts_are_no_logs():
    """Where the log itself is there; a part alone is read as a log."""
    listed = dict.fromkeys(["/a.log", "/a.log.1", "/b.log.1", "/c.log"], Listed(1, 0, 0))
    assert logs_of(listed, {}) == ["/a.log", "/b.log.1", "/c.log"]
    assert logs_of(listed, {"/b.log": RemoteLog("/b.log", 2)}) == ["/a.log", "/c.log"]
