r"""Regular expressions that mean the same to Rust's regex (columns) and to Python's (a line alone).

Patterns are written as for Python's `re` with `re.ASCII`, without look-around and capturing groups.
https://docs.rs/regex/latest/regex/#syntax, https://docs.python.org/3/library/re.html
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

import polars as pl

_CLASS: Final = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_COUNT: Final = r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})"
_TOKEN: Final = re.compile(
    rf"(?P<set>{_CLASS})|(?P<escape>\\.)|(?P<count>{_COUNT})|(?P<mark>\(\?:|\((?!\?)|[)|^$.])"
    r"|(?P<other>[(\[{\\])|(?P<character>.)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ENDLESS: Final = re.compile(rf"{_COUNT}\+")
_SPACE: Final = r" \t\n\r\f\v"
# To Rust's regex these are of Unicode: slower, and not what they are in a line alone.
_SETS: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": _SPACE}
_BOUNDARIES: Final = {"b": r"(?-u:\b)", "B": r"(?-u:\B)", "<": "<", ">": ">"}


class Token(NamedTuple):
    """A piece of a pattern.

    Attributes:
        kind: `set` ([a-z]), `escape`, `count` (+, {2,3}), `mark` (groups, anchors, `|`, the dot),
            `character`, or `other` (what begins a piece that none of these is).
        text: As written.

    """

    kind: str
    text: str


def tokens(pattern: str) -> Iterator[Token]:
    """The pieces of a pattern, in their order."""
    return (Token(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(pattern))


def in_columns(pattern: str) -> str:
    """The pattern as Rust's regex has to read it."""
    return "".join(_in_columns(token) for token in tokens(pattern))


def trouble(pattern: str) -> str:
    """What keeps a pattern from being read alike by both, in words; empty if nothing does."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # sets within sets
        try:
            re.compile(f"|{pattern}", re.ASCII)  # as one of several: no flags for all of them
            pl.Series([""]).str.contains(in_columns(pattern))
        except (re.error, FutureWarning, pl.exceptions.PolarsError) as error:
            return str(error)
    counts = "".join(text if kind == "count" else " " for kind, text in tokens(pattern))
    return "possessive repetition" if _ENDLESS.search(counts) else ""


def _in_columns(token: Token) -> str:
    if token.kind == "set":
        return _ESCAPE.sub(_in_set, token.text)
    letter = token.text[1:]
    if token.kind != "escape":
        return token.text
    if letter.lower() in _SETS:
        return f"[{'^' if letter.isupper() else ''}{_SETS[letter.lower()]}]"
    return _BOUNDARIES.get(letter, token.text)


def _in_set(escape: re.Match[str]) -> str:
    letter = escape[1]
    if letter in _SETS:
        return _SETS[letter]
    if letter.lower() in _SETS:
        return f"[^{_SETS[letter.lower()]}]"
    return escape[0]
