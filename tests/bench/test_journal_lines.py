"""The journal of the speed bench: real enough, and understood to the last line."""

from itertools import pairwise

import orjson
import polars as pl
import pytest

from boxwatch.bench.journal_lines import (
    BLOCK,
    HOST,
    UNREADABLE_EVERY,
    journal_lines,
    write_journal,
)
from boxwatch.events import NORMALISERS, RawChunk, normalise

LINES = 4000


@pytest.fixture(scope="module")
def lines():
    """The first lines of a journal."""
    return b"".join(journal_lines(LINES))


@pytest.fixture(scope="module")
def events(lines):
    """What they become."""
    return normalise(RawChunk("systemd", lines, "collector", "bench"))


def test_every_line_is_understood(events):
    """As many rows as lines, nothing set aside."""
    assert (events.logs.height, events.quarantined.height) == (LINES, 0)


def test_every_line_is_an_event_of_its_own(events):
    """Ids are unique, times rise, the host is the journal's."""
    assert events.logs["event_id"].n_unique() == LINES
    assert events.logs["time"].is_sorted()
    assert events.logs["host"].unique().to_list() == [HOST]


def test_what_is_looked_for_is_there(events):
    """Severity, unit and attributes are known on every line, kernel lines among them."""
    assert events.logs.select("severity", "unit", "attributes").null_count().row(0) == (0, 0, 0)
    assert set(events.logs["source"]) == {"systemd", "kernel"}


def test_some_messages_are_not_utf8(events):
    """They are arrays of bytes, and are read all the same."""
    odd = events.logs.filter(pl.col("message") == "caf\ufffd")
    assert odd.height == 1 == -(-LINES // UNREADABLE_EVERY)


def test_the_fields_have_no_fixed_order(lines):
    """As journalctl prints them."""
    firsts = {next(iter(orjson.loads(line))) for line in lines.splitlines()}
    assert len(firsts) > 8


def test_lines_have_the_fields_that_are_read(lines):
    """And no others; whole records have more, and say the same."""
    read = {name for line in lines.splitlines() for name in orjson.loads(line)}
    assert read <= set(NORMALISERS["systemd"].columns)
    (whole,) = journal_lines(20, whole=True)
    assert len(whole) > 1.2 * len(b"".join(journal_lines(20)))


def test_programs_have_the_fields_of_their_transport():
    """What services print has the fields of a process; what the kernel says has not."""
    (lines,) = journal_lines(100, whole=True)
    records = [orjson.loads(line) for line in lines.splitlines()]
    assert all("_STREAM_ID" in one for one in records if one["_TRANSPORT"] == "stdout")
    assert not any("_PID" in one for one in records if one["_TRANSPORT"] == "kernel")


def test_a_longer_journal_begins_like_a_shorter_one():
    """Blocks do not depend on how many follow."""
    short, long = list(journal_lines(BLOCK)), list(journal_lines(BLOCK + 5))
    assert long[:1] == short
    assert long[1].count(b"\n") == 5


def test_the_seed_decides():
    """The same seed gives the same bytes, another one others."""
    first, same, other = (b"".join(journal_lines(50, seed)) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_lines_go_on_across_blocks():
    """The first line of a block is later than the last one of the block before."""
    blocks = list(journal_lines(2 * BLOCK))
    for earlier, later in pairwise(blocks):
        last, first = orjson.loads(earlier.splitlines()[-1]), orjson.loads(later.splitlines()[0])
        assert int(last["__REALTIME_TIMESTAMP"]) < int(first["__REALTIME_TIMESTAMP"])


def test_writing_tells_the_size(tmp_path):
    """Missing folders are made."""
    path = tmp_path / "new" / "journal.jsonl"
    assert write_journal(path, 100) == path.stat().st_size
    assert path.read_bytes().count(b"\n") == 100
