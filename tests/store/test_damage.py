"""A damaged file costs its own rows and nothing else, and is never silent."""

import json
import math

import pytest

from boxwatch.errors import StoreDamaged
from boxwatch.store import EventStore


def parts(store: EventStore, table: str = "logs") -> list:
    """The files of a table, in the order of batches."""
    return sorted((store.layout.events / table).rglob("*.parquet"))


def truncate(path) -> None:
    """Cut off the end of a file, as a crash of the machine may."""
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all" * 50])
def test_a_damaged_part_is_named_and_the_rest_is_read(store, fill, content):
    """One file's rows are missing; the finding names the file, the reason and the next step."""
    fill(store, 3)
    path = parts(store)[1]
    path.write_bytes(content)
    assert [batch.events.logs.height for batch in store.batches()] == [4, 0, 4]
    assert [batch.events.samples.height for batch in store.batches()] == [4, 4, 4]
    (finding,) = store.damage()
    assert isinstance(finding, StoreDamaged)
    assert str(path) in str(finding)
    assert "backup" in finding.hint


def test_a_truncated_part_is_moved_aside_with_a_record(store, fill):
    """The file lies in `damaged/`, beside a record of where it was and what was wrong."""
    fill(store, 1)
    path = parts(store)[0]
    truncate(path)
    list(store.batches())
    assert not path.exists()
    record = json.loads(next(store.layout.damaged.glob("*.json")).read_bytes())
    assert record["file"] == str(path.relative_to(store.layout.root))
    assert (store.layout.damaged / record["moved_to"]).exists()


def test_damage_is_remembered_after_a_restart(store, root, fill):
    """What was found once is still told by the next process, once."""
    fill(store, 2)
    truncate(parts(store)[0])
    list(store.batches())
    found = [str(finding) for finding in store.damage()]
    store.close()
    with EventStore.open(root, writable=False) as reader:
        assert [str(finding) for finding in reader.damage()] == found


def test_lazy_tables_pass_over_damage(store, fill):
    """A query over a damaged part gives the rows of the others."""
    fill(store, 3)
    truncate(parts(store)[2])
    assert store.logs().collect().height == 8
    assert len(store.damage()) == 1


def test_a_reader_leaves_a_damaged_part_where_it_is(store, root, fill):
    """Only the writer moves files; a reader tells what it passed over."""
    fill(store, 2)
    path = parts(store)[0]
    truncate(path)
    with EventStore.open(root, writable=False) as reader:
        assert [batch.events.logs.height for batch in reader.batches()] == [0, 4]
        assert "left in place" in str(reader.damage()[0])
    assert path.exists()


def test_compaction_meets_a_damaged_part(store, fill):
    """A part that cannot be read is set aside, and the others are merged without it."""
    fill(store, 18)
    truncate(parts(store)[4])
    for _ in range(3):
        store.compact(math.inf)
    fill(store, 30)
    store.compact(math.inf)
    heights = [batch.events.logs.height for batch in store.batches()]
    assert heights == [4] * 4 + [0] + [4] * 43
    assert len(store.damage()) == 1


def test_a_damaged_merge_gives_way_to_what_it_was_made_of(store, fill):
    """While the old parts are still there, nothing is lost."""
    fill(store, 16)
    store.compact(math.inf)
    truncate(next(path for path in parts(store) if "-" in path.name))
    assert [batch.events.logs.height for batch in store.batches()] == [4] * 16
    assert len(store.damage()) == 1


@pytest.mark.parametrize("place", range(40, 1600, 120))
def test_a_flipped_byte_never_stops_the_reading(store, fill, place):
    """Wherever a byte is wrong, every other batch is read."""
    fill(store, 3)
    path = parts(store)[1]
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0xFF
    path.write_bytes(content)
    heights = [batch.events.logs.height for batch in store.batches()]
    assert heights[0] == heights[2] == 4


def test_a_foreign_table_is_damage(store, fill, make_events):
    """A Parquet file with other columns is not taken for ours."""
    fill(store, 1)
    make_events().logs.select("time").write_parquet(parts(store)[0])
    assert next(store.batches()).events.logs.is_empty()
    assert "columns" in str(store.damage()[0])
