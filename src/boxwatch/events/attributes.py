"""Attributes: what else an origin said, as one JSON object a row, built column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import polars as pl

from boxwatch.events.alike import Alike, recurring

_UNSAFE: Final = r'["\\\x00-\x1f]'
_ESCAPED: Final = {
    **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
    '"': '\\"',
    "\\": "\\\\",
}


def as_json(frame: pl.DataFrame, names: Mapping[str, str], alike: Alike | None = None) -> pl.Series:
    """A JSON object for each row from text columns; null fields are left out.

    `names` maps a column of `frame` to its key. A row without any field is null. Null columns cost
    nothing, and what many rows have in common, as all that tells of their process, is written once;
    `alike` says what that is, where it is known (its rows may hold other values than `frame`:
    theirs are written).
    """
    used = {name: key for name, key in names.items() if frame[name].null_count() < frame.height}
    if not used:
        return pl.Series("attributes", [None], dtype=pl.String).new_from_index(0, frame.height)
    if alike is None:
        alike = Alike(frame, recurring(frame, list(used)))
    own = _pairs(frame, {name: key for name, key in used.items() if name not in alike.columns})
    shared = {name: key for name, key in used.items() if name in alike.columns}
    if shared:
        common = alike.rows.select(pl.concat_str(_pairs(alike.rows, shared))).to_series()
        everywhere = (common != "").all()
        common = alike.spread_one(common)
        if everywhere:
            # Every row has a first pair: "{" takes the place of its comma.
            text = pl.concat_str([pl.lit("{"), common.str.slice(1), *own, pl.lit("}")])
            return frame.select(text.alias("attributes"))["attributes"]
        own.append(pl.lit(common))
    body = pl.concat_str(own).str.slice(1)
    text = pl.concat_str([pl.lit("{"), body, pl.lit("}")])
    return frame.select(pl.when(body != "").then(text).alias("attributes"))["attributes"]


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
