"""Reading NDJSON lines into text columns: at the speed of the clean case, line by line where not.

Polars reads a chunk in one call, and raises for the whole of it when one line is not JSON. Then the
chunk is read in blocks, and only the blocks that fail are read line by line: a bad line costs
neither the next record nor the speed of the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
from polars.exceptions import ComputeError

from boxwatch.events.quarantine import Refused, set_aside
from boxwatch.events.schema import QUARANTINE, RawChunk, empty

_BLANK: Final = b" \t\r"  # what JSON calls white space; the newline ends the line
_LITTER: Final = b"\x00 \t\r"  # a crash leaves NUL bytes in files
_BLOCK_LINES: Final = 256


class Spans(NamedTuple):
    """Where lines lie in their chunk: byte offsets of each begin and end."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


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
    kept: Spans | None = field(default=None, repr=False)

    @cached_property
    def _spans(self) -> Spans:
        return _spans(self.chunk.lines) if self.kept is None else self.kept

    def line(self, row: int) -> bytes:
        """The raw line that `row` was read from."""
        return self.chunk.lines[self._spans.starts[row] : self._spans.ends[row]]

    def fields(self, row: int) -> dict[str, Any]:
        """All fields of `row` with their JSON types: exact where text is ambiguous."""
        return parse(self.line(row))

    def set_aside(self, rows: Sequence[int], reason: str) -> pl.DataFrame:
        """The quarantine rows for `rows`."""
        if not rows:
            return empty(QUARANTINE)
        starts = self._spans.starts
        refused = [Refused(int(starts[row]), self.line(row), reason) for row in rows]
        return set_aside(self.chunk, self.now, refused)


def read(chunk: RawChunk, columns: Sequence[str], now: datetime) -> Records:
    """The records of `chunk` with the fields `columns`."""
    try:
        frame = _read_clean(chunk.lines, columns)
    except ComputeError:
        return _read_blocks(chunk, columns, now)
    return Records(chunk, now, frame.with_row_index("row"), empty(QUARANTINE))


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
    """`value` as a text column holds it: a string as it is, null as null, else its JSON text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


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
    schema = dict.fromkeys(columns, pl.String())
    return pl.read_ndjson(lines, schema=schema)


def _spans(lines: bytes) -> Spans:
    """Every line that is not blank, in order; an unterminated last one too."""
    buffer = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(buffer == ord("\n"))
    if len(lines) and not lines.endswith(b"\n"):
        ends = np.append(ends, len(lines))
    starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1])
    filled = starts < ends
    # Nearly every line begins with its object; only the others may be nothing but white space.
    doubtful = np.flatnonzero(filled & (buffer[np.minimum(starts, len(lines) - 1)] != ord("{")))
    for line in doubtful:
        filled[line] = bool(lines[starts[line] : ends[line]].strip(_BLANK))
    return Spans(starts[filled], ends[filled])


def _read_blocks(chunk: RawChunk, columns: Sequence[str], now: datetime) -> Records:
    spans = _spans(chunk.lines)
    readable = np.ones(len(spans.starts), np.bool_)
    frames: list[pl.DataFrame] = []
    refused: list[Refused] = []
    for first in range(0, len(readable), _BLOCK_LINES):
        last = min(first + _BLOCK_LINES, len(readable)) - 1
        try:
            block = chunk.lines[spans.starts[first] : spans.ends[last]]
            frames.append(_read_clean(block, columns))
        except ComputeError:
            frame, bad = _read_lines(chunk.lines, spans, range(first, last + 1), columns)
            readable[list(bad)] = False
            frames.append(frame)
            refused += bad.values()
    frame = pl.concat(frames).with_row_index("row")
    kept = Spans(spans.starts[readable], spans.ends[readable])
    return Records(chunk, now, frame, set_aside(chunk, now, refused), kept)


def _read_lines(
    lines: bytes, spans: Spans, block: range, columns: Sequence[str]
) -> tuple[pl.DataFrame, dict[int, Refused]]:
    """The rows of the readable lines of `block`, and the others by their number."""
    rows: list[list[str | None]] = []
    refused: dict[int, Refused] = {}
    for number in block:
        start = int(spans.starts[number])
        line = lines[start : spans.ends[number]]
        try:
            fields = parse(line)
            rows.append([as_text(fields.get(column)) for column in columns])
        except RecursionError:
            refused[number] = Refused(start, line, "nested too deeply")
        except ValueError as error:
            refused[number] = Refused(start, line, str(error))
    schema = dict.fromkeys(columns, pl.String())
    return pl.DataFrame(rows, schema=schema, orient="row"), refused
