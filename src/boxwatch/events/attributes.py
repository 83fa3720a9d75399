"""Attributes: what else an origin said, as one JSON object a row, built column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import polars as pl

_UNSAFE: Final = r'["\\\x00-\x1f]'
_ESCAPED: Final = {
    **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
    '"': '\\"',
    "\\": "\\\\",
}


def as_json(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.Series:
    """A JSON object for each row from text columns; null fields are left out.

    `names` maps a column of `frame` to its key. A row without any field is null. Null columns cost
    nothing, columns without nulls the least: most fields are on every line or on none.
    """
    present = [name for name in names if frame[name].null_count() < frame.height]
    if not present:
        return pl.Series("attributes", [None] * frame.height, dtype=pl.String)
    parts: list[pl.Expr] = []
    for column in present:
        series = frame[column]
        value = pl.col(column)
        if series.str.contains(_UNSAFE).any():
            value = value.str.replace_many(_ESCAPED)
        pieces = [pl.lit(f',"{names[column]}":"'), value, pl.lit('"')]
        parts += pieces if series.null_count() == 0 else [_optional(pieces)]
    body = frame.select(pl.concat_str([pl.lit("{"), *parts, pl.lit("}")]).alias("attributes"))
    # Every field brings its comma; the first one is one too many.
    text = pl.col("attributes").str.replace("{,", "{", literal=True)
    return body.select(pl.when(text != "{}").then(text).alias("attributes"))["attributes"]


def _optional(pieces: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str(pieces).fill_null("")


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
