"""Messages made fit to read and to compare: no terminal colours, no control characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

MESSAGE_LIMIT: Final = 64 * 1024  # characters; what is longer is cut here and kept whole aside

# ECMA-48: CSI sequences, OSC strings (ended by BEL or ST), and two-character escapes.
_ANSI: Final = (
    r"(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^-~]"
)
_CONTROLS: Final = [chr(code) for code in (*range(9), *range(11, 32), 127)]
# The control pictures of Unicode, U+2400: the character stays visible instead of acting.
_PICTURES: Final = ["\u2421" if c == "\x7f" else chr(0x2400 + ord(c)) for c in _CONTROLS]
_FIRST_PRINTED: Final = np.uint8(0x20)
_PRINTED: Final = 0x7F - 0x20  # how many characters of ASCII are
_ANY_CONTROL: Final = r"[\x00-\x08\x0b-\x1f\x7f\x{9b}]"


def clean(messages: pl.Series) -> pl.Series:
    """`messages` without ANSI escapes and trailing line ends; other controls as U+24xx pictures.

    Tabs and line feeds within stay. Work is done only for the rows that need it.
    """
    if not _any_dirty(octets(messages.to_frame())[messages.name]):
        return messages
    dirty = messages.str.contains(_ANY_CONTROL) | messages.str.ends_with("\n")
    rows = dirty.fill_null(value=False).arg_true()
    if rows.is_empty():
        return messages
    cleaned = (
        messages.gather(rows)
        .str.replace_all(_ANSI, "")
        .str.strip_chars_end("\r\n")
        .str.replace_many(_CONTROLS, _PICTURES)
    )
    return messages.scatter(rows, cleaned)


def octets(texts: pl.DataFrame) -> dict[str, npt.NDArray[np.uint8]]:
    """The UTF-8 bytes of all the texts of each column, one after the other.

    To ask whether any text has a certain character takes a fifth of the time that asking each does.
    """
    joined = texts.select(pl.all().str.join("").cast(pl.Binary)).row(0, named=True)
    return {name: np.frombuffer(letters, np.uint8) for name, letters in joined.items()}


def _any_dirty(letters: npt.NDArray[np.uint8]) -> bool:
    """Whether a message among these bytes may need cleaning; False is certain."""
    if not np.any(letters - _FIRST_PRINTED >= _PRINTED):
        return False
    controls = np.count_nonzero(letters < _FIRST_PRINTED) - np.count_nonzero(letters == ord("\t"))
    return bool(controls or np.any(letters == 0x7F) or np.any(letters == 0x9B))


def too_long(messages: pl.Series) -> list[int]:
    """The rows whose message is longer than `MESSAGE_LIMIT` characters."""
    longest = messages.str.len_bytes().max()
    if not isinstance(longest, int) or longest <= MESSAGE_LIMIT:
        return []
    return (messages.str.len_chars() > MESSAGE_LIMIT).arg_true().to_list()


_NO_NAME: Final = r"[\x00-\x1f\x7f-\x{9f}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]"


def clean_names(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`frame` with U+FFFD for controls, line ends and text directions in the names in `columns`.

    Names (hosts, units, containers) go to terminals and pages as they are. A name is the same for
    most rows, so only the distinct ones are looked at.
    """
    if frame.is_empty():
        return frame
    strange = frame.select(pl.col(columns).unique().str.contains(_NO_NAME).any())
    dirty = [name for name, found in strange.row(0, named=True).items() if found]
    if not dirty:
        return frame
    return frame.with_columns(pl.col(dirty).str.replace_all(_NO_NAME, "\ufffd"))
