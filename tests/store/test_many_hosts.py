"""A turn of many hosts is one file a table; what is read is as if every host had its own."""

import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boxwatch.store import EventStore
from boxwatch.store.parts import list_all

HOSTS = tuple(f"node{number:02d}" for number in range(50))


@pytest.fixture
def full(store, fill):
    """Thirty-five turns of fifty hosts."""
    fill(store, 35, hosts=HOSTS, rows=100)
    return store


def folders(store: EventStore) -> set[str]:
    """The names of the folders that hold parts."""
    return {path.parent.name for path in store.layout.events.rglob("*.parquet")}


def test_a_turn_is_one_file_a_table(full):
    """Not one a host: seventy files in place of three thousand."""
    assert sum(1 for _ in full.layout.events.rglob("*.parquet")) == 70
    assert folders(full) == {"host=%many"}


def test_one_host_is_read_from_them(full):
    """Its rows alone, in the order in which they came, before and after compaction."""
    before = full.logs(host="node07").collect()
    assert before["message"].to_list() == [
        f"batch {n} row {row}" for n in range(1, 36) for row in (7, 57)
    ]
    assert full.compact(math.inf).made == 4
    assert_frame_equal(full.logs(host="node07").collect(), before)


def test_batches_are_as_they_were_appended(full, make_events):
    """Rows of a file lie by host; a batch gives them in their own order again."""
    full.compact(math.inf)
    batches = list(full.batches())
    assert len(batches) == 35
    for number, batch in enumerate(batches, 1):
        assert_frame_equal(batch.events.samples, make_events(number, hosts=HOSTS, rows=100).samples)


def test_rows_of_a_part_lie_by_host(full):
    """So that whoever reads one host passes over the row groups of the others."""
    full.compact(math.inf)
    for parts in list_all(full.layout):
        for part in parts:
            assert pl.read_parquet(part.path)["host"].is_sorted()


def test_a_host_alone_keeps_its_folder(store, make_events, noon):
    """Turns in which only one host spoke, and turns of several, are read together."""
    store.append(make_events(1, hosts=("a", "b")), noon, {})
    store.append(make_events(2, hosts=("a",)), noon, {})
    assert folders(store) == {"host=%many", "host=a"}
    read = store.logs(host="a").collect()["message"].to_list()
    assert sorted(read) == [
        "batch 1 row 0",
        "batch 1 row 2",
        *(f"batch 2 row {n}" for n in range(4)),
    ]


def test_much_of_each_host_goes_into_files_of_their_own(store, make_events, noon):
    """A collection of hours is read host by host: it is cut so."""
    store.append(make_events(1, hosts=("a", "b"), rows=40_000), noon, {})
    assert folders(store) == {"host=a", "host=b"}


def test_a_host_may_be_called_like_the_folder(store, make_events, noon):
    """Its own folder has another name."""
    store.append(make_events(1, hosts=("%many",)), noon, {})
    assert folders(store) == {"host=%25many"}
    assert store.logs(host="%many").collect().height == 4
