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
    nulls = {name: frame[name].null_count() for name in names}
    full = [name for name in names if nulls[name] == 0 and frame.height]
    partly = [name for name in names if 0 < nulls[name] < frame.height]
    if not full:
        return _of_optional(frame, {name: names[name] for name in partly})
    parts: list[pl.Expr] = []
    written = "{"
    for place, column in enumerate(full):
        written += f'{"," if place else ""}"{names[column]}":"'
        values = frame[column].unique()
        if len(values) == 1:  # as the boot is: a part of the text between what changes
            written += values.str.replace_many(_ESCAPED).item()
        else:
            parts += [pl.lit(written), _value(column, values)]
            written = ""
        written += '"'
    parts += [pl.lit(written), *(_optional(frame, one, names[one]) for one in partly), pl.lit("}")]
    return frame.with_columns(pl.concat_str(parts).alias("attributes"))["attributes"]


def _of_optional(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.Series:
    """The objects where any field may be the first: its comma is cut off afterwards."""
    if not names:
        return pl.Series("attributes", [None], dtype=pl.String).new_from_index(0, frame.height)
    parts = [_optional(frame, column, key) for column, key in names.items()]
    body = pl.concat_str(parts).str.slice(1)
    text = pl.concat_str([pl.lit("{"), body, pl.lit("}")])
    return frame.select(pl.when(body != "").then(text).alias("attributes"))["attributes"]


def _optional(frame: pl.DataFrame, column: str, key: str) -> pl.Expr:
    pieces = [pl.lit(f',"{key}":"'), _value(column, frame[column].unique()), pl.lit('"')]
    return pl.concat_str(pieces).fill_null("")


def _value(column: str, values: pl.Series) -> pl.Expr:
    """The column as it stands in JSON; `values` are its distinct ones, quicker to look through."""
    value = pl.col(column)
    return value.str.replace_many(_ESCAPED) if values.str.contains(_UNSAFE).any() else value


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
