"""The event store gives back what it was given, in order, and nothing else."""

import os
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boxwatch.clock import EPOCH
from boxwatch.errors import SchemaError, StoreError, StoreLocked
from boxwatch.events.schema import Events
from boxwatch.store import EventStore, Head


def test_a_new_store_has_no_batch(store):
    """The head of an empty store is batch 0 at the epoch, without positions."""
    assert store.head() == Head(0, EPOCH, {})
    assert list(store.batches()) == []


def test_batches_come_back_as_appended(store, make_events, noon):
    """Rows, their order, the instant and the number of every batch survive."""
    given = [make_events(number, rows=number + 1) for number in (1, 2, 3)]
    numbers = [store.append(events, noon, {}) for events in given]
    found = list(store.batches())
    assert numbers == [batch.seq for batch in found] == [1, 2, 3]
    for batch, events in zip(found, given, strict=True):
        assert_frame_equal(batch.events.logs, events.logs)
        assert_frame_equal(batch.events.samples, events.samples)
        assert batch.now == noon


def test_rows_of_many_hosts_and_days_keep_their_order(store, make_events, noon):
    """A batch over several partitions is put together again as it was."""
    mixed = make_events(1, hosts=("b", "a", None, ""), rows=9)
    early, late = mixed.logs.head(5), mixed.logs.tail(4)
    logs = pl.concat([late, early.with_columns(pl.col("time") - timedelta(days=3))])
    store.append(Events(logs, mixed.samples), noon, {})
    (batch,) = store.batches()
    assert_frame_equal(batch.events.logs, logs)
    assert_frame_equal(batch.events.samples, mixed.samples)


def test_a_row_without_a_time_is_kept(store, make_events, noon):
    """A row whose time is unknown is filed under the day of reading."""
    logs = make_events().logs.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("time"))
    store.append(Events(logs), noon, {})
    assert_frame_equal(next(store.batches()).events.logs, logs)
    assert (store.layout.events / "logs" / "date=2026-03-01").is_dir()


def test_an_empty_batch_counts(store, noon):
    """A turn that read nothing is a batch too, without any file."""
    assert store.append(Events(), noon, {"journald": {"cursor": "c"}}) == 1
    (batch,) = store.batches()
    assert batch.events.rows == 0
    assert not store.layout.events.exists()


def test_batches_between_two_numbers(store, fill):
    """`after` is left out, `until` is included."""
    fill(store, 6)
    assert [batch.seq for batch in store.batches(2, until=4)] == [3, 4]


def test_many_batches_cross_the_reading_windows(store, make_events, noon, monkeypatch):
    """Where a window of rows ends makes no difference to what is read."""
    monkeypatch.setattr("boxwatch.store.reading._WINDOW_ROWS", 10)
    monkeypatch.setattr("boxwatch.store.reading._WINDOW_BATCHES", 3)
    for number in range(1, 12):
        store.append(make_events(number, rows=number % 4), noon, {})
    heights = [batch.events.logs.height for batch in store.batches()]
    assert heights == [number % 4 for number in range(1, 12)]


def test_the_head_survives_reopening(store, root, make_events, noon):
    """Number, instant and positions are there after a restart."""
    store.append(make_events(), noon, {"journald": {"cursor": "s=1"}})
    store.close()
    with EventStore.open(root, writable=True) as again:
        assert again.head() == Head(1, noon, {"journald": {"cursor": "s=1"}})
        assert again.append(Events(), noon, {}) == 2


def test_a_source_that_is_not_named_keeps_its_position(store, noon):
    """Two writers in turn, such as `up` and `normalize`, do not lose each other's place."""
    store.append(Events(), noon, {"journald": {"cursor": "1"}})
    store.append(Events(), noon, {"ingest": {"a": 7}})
    store.append(Events(), noon, {"journald": {"cursor": "2"}})
    assert store.head().positions == {"journald": {"cursor": "2"}, "ingest": {"a": 7}}


def test_a_wrong_table_is_refused_whole(store, make_events, noon):
    """A missing column is named, and nothing of the batch is stored."""
    events = make_events()
    with pytest.raises(SchemaError, match="'value'"):
        store.append(Events(events.logs, events.samples.drop("value")), noon, {})
    assert list(store.batches()) == []
    assert list(store.layout.root.rglob("*.parquet")) == []


def test_logs_by_time_and_host(store, make_events, noon):
    """The lazy tables hold `start <= time < end` of one host, in the declared columns."""
    for number in range(1, 6):
        store.append(make_events(number, hosts=("a", "b")), noon, {})
    start, end = noon + timedelta(seconds=2), noon + timedelta(seconds=4)
    found = store.logs(start, end, "a").collect()
    assert found["message"].to_list() == [f"batch {n} row {r}" for n in (2, 3) for r in (0, 2)]
    assert found.columns == make_events().logs.columns


def test_lazy_tables_take_part_in_queries(store, fill):
    """Columns, predicates and limits asked for later are honoured."""
    fill(store, 5)
    query = store.samples().filter(pl.col("value") > 3).select("value", "metric")
    assert query.collect()["value"].min() > 3
    assert query.head(3).collect().shape == (3, 2)
    assert store.samples(host="elsewhere").collect().is_empty()


def test_a_mistaken_query_does_no_harm(store, fill):
    """An error in a person's predicate is theirs, and no file is called damaged for it."""
    fill(store, 1)
    with pytest.raises(pl.exceptions.PolarsError):
        store.logs().filter(pl.col("message").dt.year() > 1).collect()
    assert store.damage() == []
    assert store.logs().collect().height == 4


def test_a_reader_follows_the_writer(store, root, fill):
    """A store opened for reading sees each batch once it is committed."""
    fill(store, 1)
    with EventStore.open(root, writable=False) as reader:
        assert reader.head().seq == 1
        fill(store, 2)
        assert [batch.seq for batch in reader.batches()] == [1, 2, 3]
        assert reader.logs().collect().height == 12


def test_a_reader_writes_nothing(store, root, make_events, noon):
    """Appending to a store opened for reading is refused."""
    with (
        EventStore.open(root, writable=False) as reader,
        pytest.raises(StoreError, match="opened for reading"),
    ):
        reader.append(make_events(), noon, {})


def test_reading_needs_a_data_folder(root):
    """A reader does not make a folder out of a typing mistake."""
    with pytest.raises(StoreError, match="no data folder"):
        EventStore.open(root, writable=False)
    assert not root.exists()


def test_a_second_writer_is_told_who_writes(store, root):
    """The second writer learns the process id of the first."""
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        EventStore.open(root, writable=True)


def test_a_closed_store_lets_the_next_one_write(store, root):
    """The lock ends with `close`."""
    store.close()
    EventStore.open(root, writable=True).close()


def test_what_was_not_committed_is_not_there(store, root, fill, make_events, noon):
    """Parts of a batch that was never committed are not read, and go at the next start."""
    fill(store, 2)
    store._writer.write(3, noon, make_events(3, hosts=("other",)))
    (part,) = root.glob("events/logs/*/host=box/00000001.parquet")
    part.with_name("00000003.parquet.tmp").write_bytes(b"half")
    store.close()
    with EventStore.open(root, writable=False) as reader:
        assert reader.logs().collect().height == 8
        assert len(list(reader.batches(until=9))) == 2
    with EventStore.open(root, writable=True) as again:
        assert again.append(make_events(3), noon, {}) == 3
        assert [batch.events.rows for batch in again.batches()] == [8, 8, 8]
    assert not [path for path in root.rglob("*") if "other" in str(path) and path.is_file()]
    assert not list(root.rglob("*.tmp"))
