"""Catching up beside journalctl: the journal that is made, and small runs over it."""

import shutil
from pathlib import Path

import pytest

from boxwatch.bench import BenchOptions
from boxwatch.bench.catch_up import catch_up
from boxwatch.bench.journal_files import export_blocks
from boxwatch.bench.journal_lines import UNREADABLE_EVERY

WRITERS = ("/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote")


def test_entries_are_in_the_export_format():
    """Fields a line, an empty line after each entry."""
    (block,) = export_blocks(3, seed=0)
    first, *_ = block.split(b"\n\n")
    names = [line.partition(b"=")[0] for line in first.splitlines()]
    assert block.count(b"\n\n") == 3
    assert {b"__REALTIME_TIMESTAMP", b"_BOOT_ID", b"MESSAGE"} <= set(names)
    assert b"__CURSOR" not in names


def test_bytes_that_are_no_text_carry_their_length():
    """As journalctl writes them."""
    assert UNREADABLE_EVERY > 7
    (block,) = export_blocks(8, seed=0)
    data = "café".encode("latin-1")
    assert b"MESSAGE\n" + len(data).to_bytes(8, "little") + data + b"\n" in block


@pytest.mark.skipif(
    shutil.which("journalctl") is None or not any(Path(path).exists() for path in WRITERS),
    reason="journalctl or systemd-journal-remote is not on this machine",
)
def test_all_entries_arrive_and_the_peer_is_beside(tmp_path):
    """A small journal: as many rows as entries, a target that follows from the peer's figure."""
    told = []
    options = BenchOptions(tmp_path, progress=lambda *step: told.append(step))
    speed, *_ = catch_up(options, 2000, runs=1)
    assert speed.peer.startswith("journalctl ")
    assert speed.target == pytest.approx(2.5 * speed.peer_value)
    assert told
    assert list(tmp_path.iterdir()) == []
