"""Lines that differ only in their digits: what masks one of them masks them all.

Numbers are what varies most. A log of 222,579 lines (HDFS), nearly all unlike, is 1,183 lines with
a 0 for every digit, and only those need the regular expressions. That is sound where a pattern
does not tell one digit from another; `told_apart` finds out where it might.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from boxwatch.events.patterns import tokens

DIGITS: Final = "0123456789"
ALIKE: Final = str.maketrans(DIGITS, "0" * len(DIGITS))  # for `str.translate`

_FIRST: Final = ord("0")
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_PLAIN_ESCAPE: Final = re.compile(r"\\(?:[^A-Za-z0-9]|[bBdDsSwWAntrfv])")
_NESTED: Final = re.compile(r"(?<!^)\[|&&|--|~~")  # Rust's sets in sets


def alike(texts: pl.Series) -> pl.Series:
    """`texts` with a 0 for each ASCII digit; null stays null."""
    byte = pl.element()
    zero = pl.lit(_FIRST, dtype=pl.UInt8)
    is_digit = (byte - zero) < len(DIGITS)  # bytes below 0 wrap around
    numbers = texts.cast(pl.Binary).cast(pl.List(pl.UInt8))
    zeros = numbers.list.eval(pl.when(is_digit).then(zero).otherwise(byte))
    return zeros.cast(pl.Binary).cast(pl.String)


def told_apart(pattern: str) -> frozenset[str] | None:
    """Where a regular expression may tell one digit from another.

    Args:
        pattern: One that both engines read alike (`events.patterns`).

    Returns:
        Texts with a 0 for each digit, one of which is in every text (with a 0 for each digit) in
        which the pattern may tell digits apart: it spells them out there. None where that cannot
        be said. Empty for a pattern to which all digits are the same.

    """
    spelled = set[str]()
    run = ""
    for kind, text in tokens(pattern):
        match kind:
            case "character":
                run += text
                continue
            case "count":  # what is counted may be missing
                spelled |= {run[:-1], run[-1:]}
            case "set" if _tells_no_digit(text):
                spelled.add(run)
            case "escape" if _PLAIN_ESCAPE.fullmatch(text):
                spelled.add(run)
            case "mark":
                spelled.add(run)
            case _:
                return None
        run = ""
    zeros = (text.translate(ALIKE) for text in (*spelled, run))
    return frozenset(text for text in zeros if "0" in text)


def _tells_no_digit(text: str) -> bool:
    """Whether a set of characters holds all digits or none."""
    escapes = _ESCAPE.findall(text)
    if not all(map(_PLAIN_ESCAPE.fullmatch, escapes)) or _NESTED.search(_ESCAPE.sub("", text)):
        return False
    held = re.compile(text)
    return len({held.match(digit) is None for digit in DIGITS}) == 1
