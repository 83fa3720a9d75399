"""Compaction changes the files and nothing that can be read from them."""

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxwatch.errors import StoreError
from boxwatch.events.schema import Events
from boxwatch.store import Compacted, EventStore
from boxwatch.store.parts import Part, Partition, split_superseded

HOSTS = ("a", "b/c", None)
PARTITION = Partition("logs", "2026-03-01", "a")


def files(store: EventStore) -> list[str]:
    """The names of all parts on disk."""
    return sorted(path.name for path in store.layout.events.rglob("*.parquet"))


def content(store: EventStore) -> list[tuple[int, datetime, list[object], list[object]]]:
    """Everything the batches hold."""
    return [
        (batch.seq, batch.now, batch.events.logs.rows(), batch.events.samples.rows())
        for batch in store.batches()
    ]


def part(first: int, last: int, root) -> Part:
    """A part that nobody reads."""
    return Part(PARTITION, first, last, root / f"{first}-{last}")


def test_few_parts_are_left_alone(store, fill):
    """Fifteen parts are not worth a merge."""
    fill(store, 15)
    assert store.compact(math.inf) == Compacted(0, 0)


def test_sixteen_parts_become_one_named_by_its_range(store, fill):
    """The merged part carries the numbers of its first and last batch."""
    fill(store, 16)
    assert store.compact(math.inf) == Compacted(merged=32, made=2)
    assert files(store).count("00000001-00000016.parquet") == 2


def test_a_small_budget_still_makes_one_merge(store, fill):
    """However little time there is, parts do not pile up."""
    fill(store, 16)
    assert store.compact(0.0).made == 1
    assert store.compact(0.0).made == 1
    assert store.compact(0.0).made == 0


def test_batches_are_the_same_after_compaction(store, fill):
    """Numbers, instants, rows and order survive; so do they after reopening."""
    fill(store, 40, hosts=HOSTS)
    before = content(store)
    assert store.compact(math.inf).made > 0
    assert content(store) == before
    store.close()
    with EventStore.open(store.layout.root, writable=True) as again:
        assert content(again) == before


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    turns=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 2)), min_size=17, max_size=36
    )
)
def test_any_stream_of_batches_survives_any_compaction(turns, tmp_path_factory, make_events):
    """Whatever the rows, days and hosts, and whenever it is compacted, batches stay the same."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    given_batches = []
    with EventStore.open(tmp_path_factory.mktemp("store"), writable=True) as store:
        for number, (rows, day, merges) in enumerate(turns, start=1):
            events = make_events(number, hosts=HOSTS, rows=rows, days=day)
            store.append(events, now + timedelta(seconds=number), {})
            given_batches.append((number, events.logs.rows(), events.samples.rows()))
            for _ in range(merges):
                store.compact(0.0)
        found = [(seq, logs, samples) for seq, _, logs, samples in content(store)]
    assert found == given_batches


def test_replaced_parts_stay_for_readers_and_go_later(store, fill, monkeypatch):
    """A reader who listed the old parts has a minute to read them."""
    fill(store, 16)
    store.compact(math.inf)
    assert len(files(store)) == 34
    monkeypatch.setattr("boxwatch.store.catalog._GRACE_S", 0.0)
    store.compact(math.inf)
    assert len(files(store)) == 2
    assert len(content(store)) == 16


def test_a_reader_finds_what_was_replaced_under_it(store, root, fill, monkeypatch):
    """Parts that vanish between listing and reading are read from their replacement."""
    monkeypatch.setattr("boxwatch.store.catalog._GRACE_S", 0.0)
    fill(store, 20)
    with EventStore.open(root, writable=False) as reader:
        lazy = reader.logs()
        batches = reader.batches(3)
        store.compact(math.inf)
        store.compact(math.inf)
        assert [batch.events.rows for batch in batches] == [8] * 17
        assert lazy.collect().height == 80


def test_a_crash_before_the_old_parts_went_is_harmless(store, root, fill):
    """Old and new parts side by side count once."""
    fill(store, 16)
    before = content(store)
    store.compact(math.inf)
    store.close()
    assert len(files(store)) == 34
    with EventStore.open(root, writable=True) as again:
        assert content(again) == before
        assert again.logs().collect().height == 64


def test_only_the_writer_compacts(store, root):
    """A store opened for reading refuses."""
    with EventStore.open(root, writable=False) as reader, pytest.raises(StoreError):
        reader.compact()


def test_merged_parts_stop_growing(store, make_events, noon, monkeypatch):
    """A part beyond the last tier is never rewritten."""
    store.append(make_events(1, rows=200), noon, {})
    largest = max(path.stat().st_size for path in store.layout.events.rglob("*.parquet"))
    monkeypatch.setattr("boxwatch.store.compaction._TIERS", (largest + 500,))
    for number in range(2, 41):
        store.append(make_events(number, rows=200), noon, {})
        store.compact(math.inf)
    names = {name for name in files(store) if "-" in name}
    assert names == {"00000001-00000016.parquet", "00000017-00000032.parquet"}


def test_a_wider_part_replaces_what_it_covers(tmp_path):
    """A part counts unless the range of another holds its own."""
    narrow = [part(n, n, tmp_path) for n in range(1, 7)]
    wide, wider = part(1, 3, tmp_path), part(1, 5, tmp_path)
    current, superseded = split_superseded([*narrow, wide, wider])
    assert current == [wider, narrow[5]]
    assert len(superseded) == 6


def test_a_column_of_nothing_keeps_its_type(store, make_events, noon):
    """Merging parts in which a column is all unknown keeps the declared schema."""
    for number in range(1, 17):
        store.append(Events(make_events(number).logs), noon, {})
    store.compact(math.inf)
    assert store.logs().collect().schema["severity"] == pl.UInt8
