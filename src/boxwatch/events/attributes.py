"""Attributes: what else an origin said, as one JSON object a row, built column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import polars as pl

_SAMPLE: Final = 1024  # rows looked at to tell what rows have in common
_MANY: Final = 8  # rows to a value, for a column to be one that rows share
_UNSAFE: Final = r'["\\\x00-\x1f]'
_ESCAPED: Final = {
    **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
    '"': '\\"',
    "\\": "\\\\",
}


def as_json(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.Series:
    """A JSON object for each row from text columns; null fields are left out.

    `names` maps a column of `frame` to its key. A row without any field is null. Null columns cost
    nothing, and what many rows have in common, as all that tells of their process, is written once.
    """
    used = {name: key for name, key in names.items() if frame[name].null_count() < frame.height}
    if not used:
        return pl.Series("attributes", [None], dtype=pl.String).new_from_index(0, frame.height)
    kinds = frame.head(_SAMPLE).select(pl.col(*used).n_unique()).row(0, named=True)
    shared = [name for name in used if kinds[name] * _MANY <= min(_SAMPLE, frame.height)]
    own = _pairs(frame, {name: key for name, key in used.items() if name not in shared})
    if shared:
        common = _common(frame.select(shared), used)
        if (common != "").all():
            # Every row has a first pair: "{" takes the place of its comma.
            text = pl.concat_str([pl.lit("{"), common.str.slice(1), *own, pl.lit("}")])
            return frame.select(text.alias("attributes"))["attributes"]
        own.append(pl.lit(common))
    body = pl.concat_str(own).str.slice(1)
    text = pl.concat_str([pl.lit("{"), body, pl.lit("}")])
    return frame.select(pl.when(body != "").then(text).alias("attributes"))["attributes"]


def _common(shared: pl.DataFrame, keys: Mapping[str, str]) -> pl.Series:
    """The pairs of columns whose values recur: written once for each combination of them.

    Combinations are told apart by a hash of 64 bits, as events are.
    """
    marks = shared.hash_rows()
    firsts = marks.arg_unique()
    kinds = shared[firsts]
    pairs = _pairs(kinds, {name: keys[name] for name in shared.columns})
    texts = kinds.select(pl.concat_str(pairs))
    table = texts.to_series().alias("text").to_frame().with_columns(marks.gather(firsts).alias("m"))
    return (
        marks.alias("m").to_frame().join(table, on="m", how="left", maintain_order="left")["text"]
    )


def _pairs(frame: pl.DataFrame, keys: Mapping[str, str]) -> list[pl.Expr]:
    """For each column a comma, its key and the value, or nothing where the value is null."""
    if not keys:
        return []
    unsafe = frame.select(pl.col(*keys).str.contains(_UNSAFE).any()).row(0, named=True)
    return [
        pl.concat_str(
            [
                pl.lit(f',"{key}":"'),
                pl.col(name).str.replace_many(_ESCAPED) if unsafe[name] else pl.col(name),
                pl.lit('"'),
            ]
        ).fill_null("")
        for name, key in keys.items()
    ]


def extended(attributes: pl.Series, extras: Mapping[int, Mapping[str, Any]]) -> pl.Series:
    """`attributes` with the fields of `extras` added to the rows at those positions."""
    if not extras:
        return attributes
    rows = list(extras)
    texts = []
    for base, extra in zip(attributes.gather(rows), extras.values(), strict=True):
        fields = {} if base is None else orjson.loads(base)
        texts.append(orjson.dumps(fields | dict(extra)).decode())
    return attributes.scatter(rows, texts)
