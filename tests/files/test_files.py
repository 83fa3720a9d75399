"""Plain files that grow, rotate, appear and vanish."""

import asyncio
import os
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.files.following import Follower, add

from boxwatch.errors import SourceError
from boxwatch.sources import FilesOptions, FilesSource


def test_lines_carry_where_they_stood(log, follow):
    """A row has path, inode, the offset of the line and its text."""
    add(log, "one\ntwo\n")
    first, second = follow().turn()
    assert (first["path"], first["inode"]) == (str(log), log.stat().st_ino)
    assert [(r["offset"], r["message"]) for r in (first, second)] == [(0, "one"), (4, "two")]


def test_watching_begins_at_the_end(log, follow):
    """Old lines are left out, a line in the making when watching begins is whole."""
    add(log, "old\nbeg")
    follower = follow(from_start=False)
    assert follower.lines() == []
    add(log, "un\n")
    assert follower.lines() == ["begun"]


def test_partial_last_line_waits_for_its_end(log, follow):
    """A line is handed over once, when its newline came."""
    add(log, "whole\npar")
    follower = follow()
    assert follower.lines() == ["whole"]
    assert follower.lines() == []
    add(log, "tial\n")
    assert follower.lines() == ["partial"]


def test_file_that_appears_later_is_read_from_its_start(log, follow):
    """Also when watching begins at the end of files that are there."""
    follower = follow(from_start=False)
    assert follower.lines() == []
    add(log, "first\n")
    assert follower.lines() == ["first"]


def test_rename_rotation_loses_nothing(log, follow):
    """Lines written to the old file around the renaming come before those of the new one."""
    add(log, "a\n")
    follower = follow(linger_s=60)
    assert follower.lines() == ["a"]
    add(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    add(log.with_name("app.log.1"), "late\nunended")
    add(log, "c\n")
    assert follower.lines() + follower.lines() + follower.lines() == ["b", "late", "unended", "c"]


def test_rename_rotation_while_stopped_loses_nothing(log, follow):
    """The renamed file is found by its inode and read from where it was left."""
    add(log, "a\n")
    first = follow()
    assert first.lines() == ["a"]
    position = first.stop()
    add(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    add(log, "c\n")
    second = follow(position)
    assert second.lines() + second.lines() + second.lines() == ["b", "c"]


def test_rotated_names_that_match_are_not_read_again(log, follow):
    """A pattern that matches app.log.1 too hands over its lines once."""
    add(log, "a\n")
    follower = follow(pattern="*")
    got = follower.lines()
    log.rename(log.with_name("app.log.1"))
    add(log, "b\n")
    for _ in range(4):
        got += follower.lines()
    assert got == ["a", "b"]


def test_copy_and_empty_rotation_starts_anew(log, follow):
    """A file that became shorter is read from its start."""
    add(log, "a long first line\n")
    follower = follow()
    follower.lines()
    os.truncate(log, 0)
    add(log, "b\n")
    assert follower.lines() == ["b"]


def test_emptied_file_that_grew_past_its_old_length_is_noticed(log, follow):
    """The first bytes tell, even after a restart."""
    add(log, "a\n")
    first = follow()
    first.lines()
    position = first.stop()
    os.truncate(log, 0)
    add(log, "completely other and longer\n")
    assert follow(position).lines() == ["completely other and longer"]


def test_resuming_reads_on(log, follow):
    """After a restart at a position, only what came since is handed over."""
    add(log, "a\nb\n")
    first = follow()
    assert first.lines() == ["a", "b"]
    position = first.stop()
    add(log, "c\n")
    assert follow(position).lines() == ["c"]


def test_strange_bytes_survive(log, follow):
    """Bytes that are not UTF-8 are escaped; NUL and carriage returns stay."""
    add(log, b"bad \xff nul \x00 cr \r x\n")
    assert follow().lines() == ["bad \\xff nul \x00 cr \r x"]


def test_ten_megabyte_line_survives(log, follow):
    """A line of 10 MB is one line."""
    add(log, "x" * 10_000_000 + "\ny\n")
    follower = follow()
    assert [len(line) for line in follower.lines() + follower.lines()] == [10_000_000, 1]


def test_folder_that_matches_is_no_file(log, follow):
    """Only plain files are read; the source says ok once."""
    log.mkdir()
    follower = follow()
    assert [row["state"] for row in follower.turn("status") + follower.turn("status")] == ["ok"]


def test_probe_counts_files(log, tmp_path):
    """Nothing that matches is absent; a readable file is ok."""
    source = FilesSource("box", FilesOptions([str(tmp_path / "*.log")]))
    before = asyncio.run(source.probe()).state
    add(log, "x\n")
    assert (before, asyncio.run(source.probe()).state) == ("absent", "ok")


def test_nothing_stays_open(log, follow, open_files):
    """Rotations and close() give every file back."""
    before = open_files()
    follower = follow()
    for i in range(20):
        add(log, f"{i}\n")
        follower.lines()
        log.rename(log.with_name(f"app.log.{i}"))
        follower.lines()
    follower.stop()
    assert open_files() == before


def test_turn_that_came_too_late_is_handed_over_at_the_next(log, follow, monkeypatch):
    """Lines of a reading that was given up are not lost, nor is the position ahead of them."""
    add(log, "slow\n")
    follower, release = follow(answer_s=0.05), threading.Event()
    matching = follower.source._matching
    monkeypatch.setattr(follower.source, "_matching", lambda: release.wait() and matching())
    state, before = follower.turn("status")[0]["state"], follower.source.position()
    release.set()
    got = []
    while not got:
        got = follower.lines()
    assert (state, before, got) == ("hung", {}, ["slow"])


def test_place_that_is_none_is_refused():
    """A position that is not one of files is an error that names it."""
    with pytest.raises(SourceError, match="not a place"):
        FilesSource("box", FilesOptions([]), {"/x": {"cursor": 1}})


STEPS = st.lists(st.sampled_from(["write", "half", "read", "rename", "restart"]), max_size=30)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_any_order_of_writing_rotating_and_restarting_loses_and_doubles_nothing(
    tmp_path_factory, steps
):
    """Whatever happens between readings, every line comes once and in order."""
    folder = tmp_path_factory.mktemp("steps")
    log, pattern = folder / "app.log", [str(folder / "app.log")]
    follower, got, wrote = Follower(pattern), [], 0
    known = False  # a file that was renamed before it was ever read cannot be found again
    for step in [*steps, "write"]:
        if step in {"write", "half"}:
            add(log, f"line {wrote}\n" if step == "write" else f"line {wrote}"[:4])
            if step == "half":
                add(log, f" {wrote}\n")
            wrote += 1
        elif step == "rename" and known:
            log.rename(folder / f"app.log.{wrote}-{len(os.listdir(folder))}")
            known = False
        elif step == "read":
            got += follower.lines() + follower.lines()
            known = log.exists()
        elif step == "restart":
            follower = Follower(pattern, follower.stop() or None)
    got += [line for _ in range(4) for line in follower.lines()]
    follower.stop()
    assert got == [f"line {i}" for i in range(wrote)]
