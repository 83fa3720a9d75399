"""Event ids."""

import polars as pl
from xxhash import xxh3_64_intdigest

from boxwatch.events import identity


def test_the_hash_is_xxh3_64() -> None:
    """A known value: ids outlive versions, so the function may never change."""
    assert identity.digest(pl.Series(["", "a"])).to_list() == [
        0x2D06800538D394C2,
        0xE6C632B61E964E1F,
    ]


def test_a_long_column_is_hashed_as_a_short_one() -> None:
    """However many texts there are, each has its own id, and null that of the empty text."""
    texts = pl.Series([None, *(f"cursor {number}" for number in range(10_000))])
    expected = [xxh3_64_intdigest((text or "").encode()) for text in texts]
    assert identity.digest(texts).to_list() == expected


def test_columns_do_not_run_into_each_other() -> None:
    """("ab", "c") is not ("a", "bc")."""
    frame = pl.DataFrame({"x": ["ab", "a"], "y": ["c", "bc"]})
    assert identity.of(frame, ["x", "y"]).n_unique() == 2


def test_equal_ids_are_told_apart_by_their_number() -> None:
    """The first keeps its id, whatever else is there."""
    ids = identity.told_apart(pl.Series("event_id", [7, 8, 7, 7], dtype=pl.UInt64))
    assert ids.n_unique() == 4
    assert ids.to_list()[:2] == [7, 8]
    assert identity.told_apart(ids.gather([1, 0])).to_list() == [8, 7]
