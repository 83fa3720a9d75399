"""Attributes: what else an origin said, as one JSON object a row, built column by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from boxwatch.events.alike import Alike, filled, recurring
from boxwatch.events.text import octets

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
    used = {name: names[name] for name in filled(frame.select(list(names)))}
    if not used:
        return pl.Series("attributes", [None], dtype=pl.String).new_from_index(0, frame.height)
    if alike is None:
        alike = Alike(frame, recurring(frame, list(used)))
    own = {name: key for name, key in used.items() if name not in alike.columns}
    shared = {name: key for name, key in used.items() if name in alike.columns}
    if shared:
        common = alike.rows.select(pl.concat_str(_pairs(alike.rows, shared))).to_series()
        if (common != "").all():
            return _after(frame, alike.spread_one("{" + common.str.slice(1)), own)
        pairs = [*_pairs(frame, own), pl.lit(alike.spread_one(common))]
    else:
        pairs = _pairs(frame, own)
    body = pl.concat_str(pairs).str.slice(1)
    text = pl.concat_str([pl.lit("{"), body, pl.lit("}")])
    return frame.select(pl.when(body != "").then(text).alias("attributes"))["attributes"]


def _after(frame: pl.DataFrame, begun: pl.Series, keys: Mapping[str, str]) -> pl.Series:
    """The objects that are `begun`, with pairs already, and go on with `keys`.

    Text is what such rows consist of, so that each copy of it counts: the pairs are written into
    the object at once where no row lacks one.
    """
    parts = [pl.lit(begun)]
    gap = ""
    values = _values(frame, keys)
    for name, key in keys.items():
        if frame[name].null_count():
            parts += [pl.lit(gap), _pair(key, values[name])]
            gap = ""
        else:
            parts += [pl.lit(f'{gap},"{key}":"'), values[name]]
            gap = '"'
    parts.append(pl.lit(gap + "}"))
    return frame.select(pl.concat_str(parts).alias("attributes"))["attributes"]


def _pairs(frame: pl.DataFrame, keys: Mapping[str, str]) -> list[pl.Expr]:
    values = _values(frame, keys)
    return [_pair(key, values[name]) for name, key in keys.items()]


def _pair(key: str, value: pl.Expr) -> pl.Expr:
    """A comma, the key and the value, or nothing where the value is null."""
    return pl.concat_str([pl.lit(f',"{key}":"'), value, pl.lit('"')]).fill_null("")


def _values(frame: pl.DataFrame, names: Collection[str]) -> dict[str, pl.Expr]:
    """The texts of each column as they stand between quotes."""
    if not names:
        return {}
    return {
        name: pl.col(name).str.replace_many(_ESCAPED) if _any_unsafe(letters) else pl.col(name)
        for name, letters in octets(frame.select(list(names))).items()
    }


def _any_unsafe(letters: npt.NDArray[np.uint8]) -> bool:
    unsafe = (letters < 0x20) | (letters == ord('"')) | (letters == ord("\\"))
    return bool(unsafe.any())


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
