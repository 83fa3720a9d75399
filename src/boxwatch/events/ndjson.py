"""Reading NDJSON lines into text columns: at the speed of the clean case, line by line where not.

Polars reads a piece in one call, and raises for the whole of it when one line is not JSON. Then the
lines of that piece are tried one by one, and the good ones read in one call again: a bad line costs
neither the next record nor the speed of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
import polars as pl
from polars.exceptions import ComputeError

from boxwatch.events.line_places import LinePlaces, Spans, spans
from boxwatch.events.ndjson_keys import has_keys, likely
from boxwatch.events.quarantine import Refused, set_aside
from boxwatch.events.schema import RawChunk

_LITTER: Final = b"\x00 \t\r"  # a crash leaves NUL bytes in files
_FEW: Final = 16
_LARGE: Final = 256 * 1024
_PIECE: Final = 4 * 1024 * 1024  # of a chunk that holds a line that is not JSON


Row = list[str | None]


@dataclass(frozen=True)
class Records:
    """A chunk, read: `frame` has the wanted fields as text, one row a record.

    A field that is not a string is its JSON text; one that is absent or null is null. Of a key that
    occurs twice, one value is read. Bytes that are not UTF-8 read as U+FFFD. `row` numbers the
    records; `unreadable` are the lines that gave no row.
    """

    chunk: RawChunk
    now: datetime
    frame: pl.DataFrame
    unreadable: pl.DataFrame
    skipped: Set[int] = frozenset()  # where the unreadable lines begin

    @cached_property
    def _places(self) -> LinePlaces:
        return LinePlaces(self.chunk.lines, self.frame.height, self.skipped)

    def line(self, row: int) -> bytes:
        """The raw line that `row` was read from."""
        if not isinstance(self.chunk.content, bytes):
            return self.chunk.content.line(row)
        start, end = self._places.span(row)
        return self.chunk.lines[start:end]

    def fields(self, row: int) -> dict[str, Any]:
        """All fields of `row` with their JSON types: exact where text is ambiguous."""
        return parse(self.line(row))

    def set_aside(self, rows: Sequence[int], reason: str) -> pl.DataFrame:
        """The quarantine rows for `rows`."""
        refused = [Refused(self._places.span(row)[0], self.line(row), reason) for row in rows]
        return set_aside(self.chunk, self.now, refused)


def read(chunk: RawChunk, columns: Sequence[str], now: datetime) -> Records:
    """The records of `chunk` with the fields `columns`."""
    refused: list[Refused] = []
    if not isinstance(chunk.content, bytes):
        whole = chunk.content.frame(columns)
    else:
        try:
            whole = _read_clean(chunk.content, columns)
        except ComputeError:
            whole, refused = _read_pieces(chunk.content, columns)
    whole = whole.with_row_index("row")
    unreadable = set_aside(chunk, now, refused)
    return Records(chunk, now, whole, unreadable, frozenset(item.offset for item in refused))


def parse(line: bytes) -> dict[str, Any]:
    """The JSON object on `line`, read as leniently as keeps it unambiguous.

    Control characters in strings, lone surrogates, numbers of any size, NaN, a byte order mark,
    stray NUL bytes around the object and invalid UTF-8 are let pass.

    Raises:
        ValueError: `line` is not one JSON object; the message is the reason.

    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_leniently(line)
    if not isinstance(value, dict):
        raise ValueError(f"not a JSON object but {_JSON_NAMES[type(value)]}")
    return value


def as_text(value: object) -> str | None:
    """`value` as a text column holds it: a string as it is, null as null, else its JSON text.

    Raises:
        ValueError: `value` is nested more deeply than can be written.

    """
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


_JSON_NAMES: Final = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def _parse_leniently(line: bytes) -> object:
    text = line.removeprefix(b"\xef\xbb\xbf").strip(_LITTER).decode("utf-8", "replace")
    if not text:
        raise ValueError("nothing but NUL bytes")
    try:
        # Through ASCII escapes and back: lone surrogates become "?", which Arrow text needs.
        return _sound(json.loads(text, strict=False))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None


def _sound(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    return value


def _read_clean(lines: bytes, columns: Sequence[str]) -> pl.DataFrame:
    """The records of `lines`, read as having only the fields of the first ones, if they have.

    A field that no line has costs as much as one that all have: looking for it.
    """
    expected = likely(lines, columns) if len(lines) >= _LARGE else columns
    if 0 < len(expected) < len(columns):
        frame = pl.read_ndjson(lines, schema=dict.fromkeys(expected, pl.String()))
        if has_keys(lines, frame.width * frame.height - sum(frame.null_count().row(0))):
            present = frozenset(expected)
            nothing = pl.lit(None, pl.String)  # takes no room until it is looked at
            return frame.select(
                pl.col(name) if name in present else nothing.alias(name) for name in columns
            )
    return pl.read_ndjson(lines, schema=dict.fromkeys(columns, pl.String()))


def _read_pieces(lines: bytes, columns: Sequence[str]) -> tuple[pl.DataFrame, list[Refused]]:
    """The readable lines; only pieces that hold an unreadable one are read line by line."""
    frames: list[pl.DataFrame] = []
    refused: list[Refused] = []
    for start, end in _pieces(lines):
        try:
            frames.append(_read_clean(lines[start:end], columns))
        except ComputeError:
            frame, bad = _read_lines(lines, spans(lines, start, end), columns)
            frames.append(frame)
            refused += bad
    return pl.concat(frames, rechunk=True), refused


def _pieces(lines: bytes) -> Iterator[tuple[int, int]]:
    """Cuts between lines, so that each piece holds some `_PIECE` bytes or one long line."""
    start = 0
    while True:
        cut = lines.rfind(b"\n", start, start + _PIECE)
        if cut < 0:
            cut = lines.find(b"\n", start + _PIECE)
        end = len(lines) if cut < 0 or start + _PIECE >= len(lines) else cut + 1
        yield start, end
        if end == len(lines):
            return
        start = end


def _read_lines(
    lines: bytes, places: Spans, columns: Sequence[str]
) -> tuple[pl.DataFrame, list[Refused]]:
    """The rows of the readable lines at `places`, in order, and the lines that are not."""
    sound: list[bytes] = []
    order: list[int] = []
    lenient: dict[int, Row] = {}
    refused: list[Refused] = []
    for number, (start, end) in enumerate(zip(*(part.tolist() for part in places), strict=True)):
        line = lines[start:end]
        if _is_sound(line):
            sound.append(line)
            order.append(number)
            continue
        try:
            lenient[number] = _row(line, columns)
        except ValueError as error:
            refused.append(Refused(start, line, str(error)))
    frame = _read_sound(sound, columns)
    if lenient:
        order += lenient
        frame = pl.concat([frame, _as_frame(list(lenient.values()), columns)])
        frame = frame[np.argsort(np.array(order), kind="stable")]
    return frame, refused


def _is_sound(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _read_sound(sound: Sequence[bytes], columns: Sequence[str]) -> pl.DataFrame:
    """The rows of lines that are JSON objects; in halves where Polars cannot read one of them.

    It knows no integers beyond 64 bits, for one.
    """
    try:
        return _read_clean(b"\n".join(sound), columns)
    except ComputeError:
        if len(sound) <= _FEW:
            return _as_frame([_row(line, columns) for line in sound], columns)
        middle = len(sound) // 2
        return pl.concat(
            [_read_sound(sound[:middle], columns), _read_sound(sound[middle:], columns)]
        )


def _row(line: bytes, columns: Sequence[str]) -> Row:
    fields = parse(line)
    return [as_text(fields.get(column)) for column in columns]


def _as_frame(rows: Sequence[Row], columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
