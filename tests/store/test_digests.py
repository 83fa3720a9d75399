"""A digest is made once, and is never other than the lines are."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from boxwatch.store import Digests, EventStore, Recipe

SCHEMA = {"message": pl.String(), "lines": pl.Int64()}


def combine(frames):
    """Lines by message, of all frames."""
    whole = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
    return whole.group_by("message").agg(pl.col("lines").sum()).sort("message")


class Counting:
    """A recipe that counts messages, and how many rows it was given."""

    def __init__(self, identity="1"):
        self.rows = 0
        self.recipe = Recipe(
            "counts", identity, columns=("message",), schema=SCHEMA, make=self.make, combine=combine
        )

    def make(self, rows):
        self.rows += rows.height
        return combine([rows.group_by("message").agg(pl.len().cast(pl.Int64).alias("lines"))])


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch):
    monkeypatch.setattr("boxwatch.store.digests._WORTH_ROWS", 1)


def lines_of(store, counting):
    """The lines that the digests of `store` count, by message."""
    digests = Digests(store, counting.recipe).each(store.parts("logs"), lambda done, total: None)
    return dict(combine([digest for _, digest in digests]).iter_rows())


def in_store(store):
    """The lines of `store` by message, from the lines themselves."""
    counted = store.logs().group_by("message").len().collect()
    return dict(counted.sort("message").iter_rows())


def digests_in(root):
    """The files that keep digests."""
    return sorted((root / "events").rglob("*.digest"))


def test_a_digest_is_made_once(store, root, fill):
    """The second time no line is read, and the answer is the same."""
    fill(store, 3)
    first, second = Counting(), Counting()
    assert lines_of(store, first) == in_store(store)
    assert lines_of(store, second) == in_store(store)
    assert (first.rows, second.rows) == (12, 0)
    assert len(digests_in(root)) == 1


def test_what_came_since_is_added(store, fill):
    """Only the new lines are read."""
    fill(store, 3)
    lines_of(store, Counting())
    fill(store, 2)
    again = Counting()
    assert lines_of(store, again) == in_store(store)
    assert again.rows == 8


def test_merged_parts_are_recognised(store, fill):
    """Compaction changes the files and not the lines: nothing is read again."""
    fill(store, 16)
    lines_of(store, Counting())
    store.compact(budget_s=60)
    assert len(store.parts("logs")) == 1
    again = Counting()
    assert lines_of(store, again) == in_store(store)
    assert again.rows == 0


def test_a_part_merged_with_unknown_ones_is_read_anew(store, fill):
    """Where a digest knows some of a merged part's lines only, all are read."""
    fill(store, 10)
    lines_of(store, Counting())
    fill(store, 6)
    store.compact(budget_s=60)
    assert len(store.parts("logs")) == 1
    again = Counting()
    assert lines_of(store, again) == in_store(store)
    assert again.rows == 64


@pytest.mark.parametrize("place", [0, 30, -30])
def test_a_damaged_digest_is_made_anew(store, root, fill, place):
    """A flipped byte anywhere is noticed."""
    fill(store, 3)
    lines_of(store, Counting())
    (path,) = digests_in(root)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    again = Counting()
    assert lines_of(store, again) == in_store(store)
    assert again.rows == 12


def test_another_recipe_makes_it_anew(store, fill):
    """What was kept of other masks does not count."""
    fill(store, 2)
    lines_of(store, Counting())
    other = Counting("2")
    assert lines_of(store, other) == in_store(store)
    assert other.rows == 8


def test_lines_that_went_are_not_counted(store, root, fill):
    """A part that is gone takes its lines out of the digest."""
    fill(store, 3)
    lines_of(store, Counting())
    store.close()
    next((root / "events" / "logs").rglob("00000002.parquet")).unlink()
    with EventStore.open(root, writable=False) as reader:
        assert lines_of(reader, Counting()) == in_store(reader)
        assert len(in_store(reader)) == 8


def test_a_damaged_part_is_told_every_time(store, root, fill):
    """It is no piece of the digest, so each query meets it and says so."""
    fill(store, 3)
    path = next((root / "events" / "logs").rglob("00000002.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    for _ in range(2):
        with EventStore.open(root, writable=False) as reader:
            assert len(lines_of(reader, Counting())) == 8
            assert len(reader.damage()) == 1


def test_a_digest_goes_with_its_day(store, root, fill, noon):
    """Forgetting a day forgets what was kept of it, and a late query does not bring it back."""
    fill(store, 2)
    parts = store.parts("logs")
    counting = Counting()
    lines_of(store, counting)
    fill(store, 1, days=3)
    store.retain(1, None, noon + timedelta(days=3))
    assert digests_in(root) == []
    list(Digests(store, counting.recipe).each(parts, lambda done, total: None))
    assert digests_in(root) == []
    assert not parts[0].path.parent.exists()


def test_a_folder_that_cannot_be_written_gives_the_same(store, root, fill):
    """Without a place to keep it the answer is made every time."""
    fill(store, 2)
    part = store.parts("logs")[0]
    (part.path.parent / "counts.digest").mkdir()
    for _ in range(2):
        counting = Counting()
        assert lines_of(store, counting) == in_store(store)
        assert counting.rows == 8
    assert list(part.path.parent.glob("*.tmp")) == []


def test_digests_keep_hosts_and_days_apart(store, root, fill):
    """Each folder has its own; the sum is that of the lines."""
    fill(store, 2, hosts=("a", "b"))
    fill(store, 2, hosts=("a",))
    fill(store, 2, days=1)
    assert lines_of(store, Counting()) == in_store(store)
    assert len(digests_in(root)) == 3


def test_few_new_lines_are_not_worth_keeping(store, root, fill, monkeypatch):
    """What is quick to make again is not written with every query."""
    monkeypatch.setattr("boxwatch.store.digests._WORTH_ROWS", 1000)
    fill(store, 2)
    assert lines_of(store, Counting()) == in_store(store)
    assert digests_in(root) == []


def test_a_query_reads_the_columns_it_needs(store, fill):
    """Rows of all parts, shaped while reading; a damaged part is passed over and told."""
    fill(store, 3)
    parts = store.parts("logs")
    parts[1].path.write_bytes(b"PAR1")

    def shape(lazy):
        return lazy.filter(pl.col("message").str.contains("row 1")).select("message", "seq")

    found = store.query(parts, shape).sort("seq")
    assert found["message"].to_list() == ["batch 1 row 1", "batch 3 row 1"]
    assert len(store.damage()) == 1


def test_a_query_finds_parts_that_were_merged_meanwhile(store, fill):
    """Files listed before a merge and removed after it are read from what replaced them."""
    fill(store, 16)
    parts = store.parts("logs")
    store.compact(budget_s=60)
    for part in parts:
        part.path.unlink()
    assert store.query(parts, lambda lazy: lazy.select("message")).height == 64
    assert store.damage() == []


def test_a_recipe_of_another_schema_is_made_anew(store, fill):
    """Columns that a newer program adds are not missed in what an older one kept."""
    fill(store, 1)
    counting = Counting()
    lines_of(store, counting)

    def make(rows):
        return counting.make(rows).with_columns(extra=1)

    wider = replace(
        counting.recipe,
        schema={**SCHEMA, "extra": pl.Int32()},
        make=make,
        combine=pl.concat,
    )
    ((_, digest),) = Digests(store, wider).each(store.parts("logs"), lambda done, total: None)
    assert digest.columns == ["message", "lines", "extra"]
