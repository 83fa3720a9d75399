"""Rotation in all its ways: no line is lost, none comes twice."""

import bz2
import gzip
import lzma
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.files.following import Follower, add

PACK = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def copy_and_empty(path, to):
    """As logrotate's copytruncate does."""
    shutil.copyfile(path, to)
    os.truncate(path, 0)


def pack(path, suffix=".gz"):
    """As gzip and its like do: the text in a new file that keeps the time."""
    about = path.stat()
    packed = path.with_name(path.name + suffix)
    packed.write_bytes(PACK[suffix](path.read_bytes()))
    os.utime(packed, ns=(about.st_atime_ns, about.st_mtime_ns // 10**9 * 10**9))
    path.unlink()


def shift(log):
    """Give every older part the next number, as logrotate does."""
    parts = sorted(log.parent.glob(log.name + ".*"), key=lambda p: -int(p.name.split(".")[2]))
    for part in parts:
        _, _, number, *packed = part.name.split(".")
        part.rename(log.with_name(".".join([log.name, str(int(number) + 1), *packed])))


@pytest.mark.parametrize("text", ["a\nb\n", "c\nd\n", "other\n", "longer than it was\n"])
@pytest.mark.parametrize("restart", [False, True])
def test_rewritten_file_is_noticed_whatever_its_size(log, follow, text, restart):
    """Emptied and written again to its old size, or more, or less: all new lines come."""
    add(log, "1\n2\n")
    follower = follow()
    follower.lines()
    position = follower.stop() if restart else None
    os.truncate(log, 0)
    add(log, text)
    follower = follow(position) if restart else follower
    assert follower.lines(2) == text.splitlines()


def test_same_beginning_is_told_apart_by_what_was_read_last(log, follow):
    """A program that begins each log with the same banner."""
    banner = "banner " * 60 + "\n"
    add(log, banner + "one\n")
    follower = follow()
    assert follower.lines()[1:] == ["one"]
    os.truncate(log, 0)
    add(log, banner + "two\n")
    assert follower.lines()[1:] == ["two"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("suffix", ["", *PACK])
def test_lines_between_the_last_reading_and_the_emptying_are_in_the_copy(
    log, follow, restart, suffix
):
    """The copy is read from where the file was left, packed or not."""
    add(log, "a\n")
    follower = follow()
    assert follower.lines() == ["a"]
    position = follower.stop() if restart else None
    add(log, "b\n")
    copy_and_empty(log, log.with_name("app.log.1"))
    if suffix:
        pack(log.with_name("app.log.1"), suffix)
    add(log, "c\n")
    follower = follow(position) if restart else follower
    assert follower.lines(4) == ["b", "c"]


@pytest.mark.parametrize("suffix", PACK)
def test_packed_part_is_read_from_where_it_was_left(log, follow, suffix):
    """Renamed and compressed while nobody read: its end comes, not its beginning again."""
    add(log, "a\n")
    first = follow()
    assert first.lines() == ["a"]
    position = first.stop()
    add(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    pack(log.with_name("app.log.1"), suffix)
    add(log, "c\n")
    rows = follow(position).turn(turns=4)
    assert [row["message"] for row in rows] == ["b", "c"]
    assert rows[0]["inode"] == position[str(log)]["inode"]


@pytest.mark.parametrize("restart", [False, True])
def test_parts_that_came_and_went_between_readings_are_read(log, follow, restart):
    """Rotated three times since the last reading, the older ones packed."""
    add(log, "a\n")
    follower = follow(linger_s=0 if restart else 60)
    assert follower.lines() == ["a"]
    position = follower.stop() if restart else None
    for line in ("b", "c", "d"):
        add(log, f"{line}\n")
        shift(log)
        log.rename(log.with_name("app.log.1"))
        if line == "b":
            pack(log.with_name("app.log.1"))
    add(log, "e\n")
    follower = follow(position) if restart else follower
    assert follower.lines(8) == ["b", "c", "d", "e"]


def test_old_parts_are_read_first_when_all_is_wanted(log, follow):
    """From the start means from the oldest part, packed or not."""
    for number, text in ((3, "a\n"), (2, "b\n"), (1, "c\n")):
        part = log.with_name(f"app.log.{number}")
        add(part, text)
        os.utime(part, (10**9 - number, 10**9 - number))
    pack(log.with_name("app.log.3"))
    add(log, "d\n")
    assert follow().lines(6) == ["a", "b", "c", "d"]


def test_old_parts_are_left_out_when_watching_begins_at_the_end(log, follow):
    """And rotation afterwards does not bring them back."""
    add(log, "new\n")
    add(log.with_name("app.log.1"), "old, but written last\n")
    follower = follow(from_start=False)
    assert follower.lines() == []
    shift(log)
    log.rename(log.with_name("app.log.1"))
    add(log, "next\n")
    assert follower.lines(4) == ["next"]


def test_part_that_is_gone_is_a_gap(log, follow):
    """Deleted before it was read to its end: said, with the time since the last reading."""
    add(log, "a\n")
    first = follow()
    first.lines()
    position = first.stop()
    add(log.with_name("new"), "b\n")
    log.with_name("new").rename(log)
    follower = follow(position)
    assert follower.lines(3) == ["b"]
    (told,) = follower.said["notice"]
    assert (told["notice"], told["source"], "rotated away" in told["message"]) == (
        *("gap", "file"),
        True,
    )


def test_damaged_part_is_said_and_costs_no_other(log, follow):
    """A compressed part that breaks off is read as far as it goes."""
    part = log.with_name("app.log.1.gz")
    part.write_bytes(gzip.compress(os.urandom(100_000).hex().encode() + b"\nx\n")[:5000])
    os.utime(part, (10**9, 10**9))
    add(log, "a\n")
    follower = follow()
    assert follower.lines(3) == ["a"]
    assert "damaged" in follower.said["notice"][0]["message"]


def test_deleted_file_that_was_read_is_no_gap(log, follow):
    """A file that goes away and comes back is read from its start."""
    add(log, "a\n")
    follower = follow()
    assert follower.lines(2) == ["a"]
    log.unlink()
    assert follower.lines(2) == []
    add(log, "b\n")
    assert follower.lines(2) == ["b"]
    assert "notice" not in follower.said


def test_file_that_becomes_a_folder_disturbs_no_other(log, follow, tmp_path):
    """The others are read; the file is read again when it is a file again."""
    other = tmp_path / "other.log"
    add(log, "a\n")
    follower = follow()
    assert follower.lines() == ["a"]
    log.unlink()
    log.mkdir()
    add(other, "b\n")
    assert follower.lines(3) == ["b"]
    log.rmdir()
    add(log, "c\n")
    assert follower.lines(3) == ["c"]


def test_file_that_cannot_be_read_is_said_once_and_read_later(log, follow, tmp_path):
    """A name that leads to itself cannot be opened by anybody."""
    other = tmp_path / "other.log"
    add(log, "a\n")
    follower = follow()
    assert follower.lines() == ["a"]
    log.unlink()
    log.symlink_to(log)
    add(other, "b\n")
    assert [row["state"] for row in follower.turn("status", turns=3)] == ["denied"]
    assert follower.said["file"][0]["message"] == "b"
    log.unlink()
    add(log, "c\n")
    assert [row["state"] for row in follower.turn("status", turns=3)] == ["ok"]
    assert follower.said["file"][0]["message"] == "c"


def test_a_thousand_files_are_followed_with_few_open(follow, tmp_path, open_files):
    """All lines of all come, and most files are closed between."""
    for number in range(1000):
        add(tmp_path / f"{number}.log", f"{number} first\n")
    follower, before = follow(most_open=20), open_files()
    got = follower.lines()
    for number in range(1000):
        add(tmp_path / f"{number}.log", f"{number} second\n")
    got += follower.lines()
    assert len(got) == len(set(got)) == 2000
    assert open_files() - before < 40


def test_traceback_is_one_row_and_a_kill_in_it_loses_nothing(log, follow):
    """A record that was held back is read whole by the next start."""
    add(log, "Traceback (most recent call last):\n")
    first = follow(hold_s=3600)
    assert first.lines() == []
    position = first.source.position()
    add(log, '  File "x"\nValueError: y\nafter\n')
    first.stop()
    expected = ['Traceback (most recent call last):\n  File "x"\nValueError: y', "after"]
    assert follow(position, hold_s=3600).lines() == expected


STEPS = st.lists(
    st.sampled_from(["write", "half", "read", "rotate", "rotate", "pack", "kill", "stop"]),
    max_size=40,
)


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(STEPS, st.booleans())
def test_any_order_of_writing_rotating_packing_and_killing_loses_and_doubles_nothing(
    tmp_path_factory, steps, copying
):
    """A kill goes back to the last position that was kept, as the store does."""
    folder = tmp_path_factory.mktemp("steps")
    log, pattern = folder / "app.log", [str(folder / "app.log")]
    log.touch()
    follower, got, wrote = Follower(pattern), [], 0
    follower.lines()
    kept = follower.source.position()
    for step in [*steps, "write", "stop"]:
        if step in {"write", "half"}:
            add(log, f"line {wrote} {'x' * 30}\n"[: None if step == "write" else 9])
            if step == "half":
                add(log, f"{'x' * 30}\n")
            wrote += 1
        elif step == "rotate" and log.stat().st_size:
            shift(log)
            if copying:
                copy_and_empty(log, log.with_name("app.log.1"))
            else:
                log.rename(log.with_name("app.log.1"))
                log.touch()
        elif step == "pack" and log.with_name("app.log.1").exists():
            pack(log.with_name("app.log.1"))
        elif step == "read":
            got += follower.lines(2)
            kept = follower.source.position()
        elif step in {"kill", "stop"}:
            got += follower.lines() if step == "stop" else []
            kept = follower.stop() if step == "stop" else kept
            follower.stop()
            follower = Follower(pattern, kept)
    got += follower.lines(12)
    follower.stop()
    assert [int(line.split()[1]) for line in got if "line" in line] == list(range(wrote))
