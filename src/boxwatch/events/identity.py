"""event_id: a hash of what identifies a record at its origin, stable over versions and machines.

xxh3-64 (https://xxhash.com) over UTF-8 bytes. The same record read again, from whichever start, has
the same id; that is what lets the store drop what it has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from xxhash import xxh3_64_digest

SEPARATOR: Final = "\x1f"  # ASCII unit separator: occurs in no name, id or time

# Texts hashed at a time: Python's memory for so many is used again for the next, and still in the
# processor's cache. All of a chunk at once takes twice the time.
_PIECE: Final = 4096


def joined(columns: Sequence[str | pl.Expr]) -> pl.Expr:
    """The text that identifies a row: `columns` in order, null as nothing."""
    parts = [pl.col(column) if isinstance(column, str) else column for column in columns]
    return pl.concat_str(
        [part.cast(pl.String).fill_null("") for part in parts], separator=SEPARATOR
    )


def digest(texts: pl.Series) -> pl.Series:
    """The xxh3-64 of every text, as UInt64; null counts as the empty text."""
    encoded = texts.fill_null("").cast(pl.Binary)
    hashes = b"".join(
        b"".join(map(xxh3_64_digest, encoded.slice(start, _PIECE).to_list()))
        for start in range(0, len(encoded), _PIECE)
    )
    # The canonical form of a hash is big-endian.
    return pl.Series("event_id", np.frombuffer(hashes, ">u8").astype(np.uint64), dtype=pl.UInt64)


def of(frame: pl.DataFrame, columns: Sequence[str | pl.Expr]) -> pl.Series:
    """The ids of the rows of `frame`, from the columns that identify them."""
    return digest(frame.select(joined(columns).alias("identity"))["identity"])


def told_apart(ids: pl.Series) -> pl.Series:
    """`ids` with the second, third, ... of equal ones made distinct by their number.

    For origins where equal records are distinct events: a program that writes one line twice within
    one nanosecond. The number counts only rows that are equal in everything that identifies them,
    so reading again from an earlier or later record changes no id.
    """
    if ids.n_unique() == len(ids):
        return ids
    frame = pl.DataFrame({"id": ids}).with_columns(pl.int_range(pl.len()).over("id").alias("n"))
    repeats = frame.with_row_index("row").filter(pl.col("n") > 0)
    return frame["id"].scatter(repeats["row"], of(repeats, ["id", "n"])).alias(ids.name)
