"""Packing a stage's state into bytes: arrays, frames and plain values; nothing that can run.

    "BWSNAP1" and a newline | xxh3-64 of all else | length of the index | index (JSON) | payloads

An array is an NPY file (NumPy's format, no pickle), a frame Arrow IPC, anything else JSON.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
import polars as pl
import xxhash

from boxwatch.errors import StoreDamaged, StoreTooNew, UsageError

_MAGIC: Final = b"BWSNAP1\n"
_HEAD: Final = struct.Struct("<8sQI")  # magic with the version, checksum, length of the index
_STRICT: Final = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def pack(parts: Mapping[str, object]) -> bytes:
    """`parts` as bytes: NumPy arrays, Polars frames and JSON-able values, by name.

    JSON-able is what JSON gives back alike: None, booleans, numbers (NaN and infinities too),
    strings, lists and dicts with string keys. A tuple comes back as a list.

    Raises:
        UsageError: a part is none of these; names it.

    """
    index = []
    payloads = []
    for name, part in parts.items():
        try:
            kind, payload = _encode(part)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(
                f"Part {name!r} of a snapshot is {type(part).__name__} and cannot be packed: "
                f"{error}.",
                hint="Give plain arrays, frames or JSON values.",
            ) from error
        index.append([name, kind, len(payload)])
        payloads.append(payload)
    table = orjson.dumps(index)
    digest = _digest(_MAGIC, struct.pack("<I", len(table)), table, *payloads)
    return b"".join([_HEAD.pack(_MAGIC, digest, len(table)), table, *payloads])


def unpack(packed: bytes) -> dict[str, Any]:
    """The parts that `pack` was given.

    Raises:
        StoreTooNew: a newer Boxwatch packed it.
        StoreDamaged: it is not whole.

    """
    view = memoryview(packed)
    if len(packed) < _HEAD.size or packed[:6] != _MAGIC[:6]:
        raise _damaged("it does not begin like one")
    magic, digest, length = _HEAD.unpack_from(view)
    if _digest(magic, view[16:]) != digest:
        raise _damaged("its checksum does not match")
    if magic != _MAGIC:
        raise StoreTooNew(
            f"A snapshot has version {magic[6:]!r}; this Boxwatch reads version 1.",
            hint="Install the newer Boxwatch.",
        )
    body = view[_HEAD.size :]
    parts: dict[str, Any] = {}
    place = length
    for name, kind, size in orjson.loads(body[:place]):
        parts[name] = _decode(kind, body[place : place + size])
        place += size
    return parts


def _digest(*pieces: bytes | memoryview) -> int:
    state = xxhash.xxh3_64()
    for piece in pieces:
        state.update(piece)
    return state.intdigest()


def _encode(part: object) -> tuple[str, bytes | memoryview]:
    if isinstance(part, np.ndarray):
        buffer = io.BytesIO()
        np.save(buffer, part, allow_pickle=False)
        return "npy", buffer.getbuffer()
    if isinstance(part, pl.DataFrame):
        buffer = io.BytesIO()
        part.write_ipc(buffer, compression="uncompressed")
        return "ipc", buffer.getbuffer()
    return _encode_json(part)


def _encode_json(part: object) -> tuple[str, bytes]:
    try:
        text = orjson.dumps(part, option=_STRICT)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise
        return "json", _encode_slowly(part)
    # orjson writes NaN and infinities as null, ten times faster than json writes them right.
    return ("orjson", text) if b"null" not in text else ("json", _encode_slowly(part))


def _encode_slowly(part: object) -> bytes:
    return json.dumps(part, allow_nan=True, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(kind: str, payload: memoryview) -> Any:  # noqa: ANN401 - a JSON value is anything
    if kind == "npy":
        return np.load(io.BytesIO(payload), allow_pickle=False)
    if kind == "ipc":
        return pl.read_ipc(io.BytesIO(payload))
    return orjson.loads(payload) if kind == "orjson" else json.loads(bytes(payload))


def _damaged(reason: str) -> StoreDamaged:
    return StoreDamaged(
        f"A snapshot is damaged: {reason}.",
        hint="The state is rebuilt from the batches when it is discarded.",
    )
