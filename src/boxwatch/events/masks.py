r"""What varies from line to line: numbers, ids, paths, addresses, times; masked in one pass.

All masks are one alternation. A regular expression without groups and without Unicode word
boundaries runs as one automaton over a whole column: ten masks cost hardly more than the last of
them alone (222,579 HDFS lines on one core: 1.5-2.0 M lines/s; with one group and Unicode
boundaries 0.37 M).
Lines that differ only in their digits are masked once (`events.digits`: the same lines 8 M/s).
The same masks in Python's `re`, for a line on its own, give the same text (a test).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final

import polars as pl
import xxhash

from boxwatch.errors import SettingError
from boxwatch.events import digits
from boxwatch.events.patterns import in_columns, trouble

WILD: Final = "<*>"
LONGEST: Final = 1024  # characters of a message that take part: enough to tell kinds apart

_CHARACTER: Final = r"""[^ \t\r\n=:,;()\[\]<>{}|/"'`.]"""
# Single dots belong to a part; the leaders of "temperature......85" do not.
_PART: Final = rf"(?:{_CHARACTER}+\.)*{_CHARACTER}*[0-9]{_CHARACTER}*(?:\.{_CHARACTER}+)*"
# Lists are as long as they are: what stands side by side becomes one.
_RUN: Final = r"<\*>(?: ?\(<\*>\)|[ ,.:/|=-]+<\*>)+"
_CUT_WORD: Final = r"[ \t][^ \t]*\z"  # the head of a long line ends with a whole word
_CUT: Final = re.compile(r"[ \t][^ \t]*\Z")
_MANY: Final = 256  # lines from which on it pays to look for those that differ only in digits
_EMPTY: Final = ("", "ab -- ab")  # holds nothing at all, beside words and between their letters
_KEPT: Final = 16_384  # masked lines that are remembered, one by one


@dataclass(frozen=True, slots=True)
class Mask:
    """One thing that varies; `example` becomes `masked` by it alone."""

    name: str
    pattern: str
    example: str = ""
    masked: str = ""


def _load() -> tuple[Mask, ...]:
    text = files(__package__).joinpath("masks.toml").read_text("utf-8")
    return tuple(
        Mask(
            name=table["name"],
            pattern=table["pattern"].replace("{part}", _PART),
            example=table["example"],
            masked=table["masked"],
        )
        for table in tomllib.loads(text)["mask"]
    )


MASKS: Final = _load()


class Masker:
    """Replaces what varies by `<*>`.

    Args:
        own: Masks of the user's own logs; they are tried before those of `built_in`.
        built_in: All other masks.

    Raises:
        SettingError: a pattern of `own` is no regular expression, captures, or matches nothing
            at all (the empty text).
    """

    def __init__(self, own: Sequence[Mask] = (), built_in: Sequence[Mask] = MASKS) -> None:
        for mask in own:
            check_mask(mask)
        patterns = [mask.pattern for mask in (*own, *built_in)]
        self._pattern = "|".join(patterns)
        self._column_pattern = in_columns(self._pattern)
        self._told_apart = digits.told_apart(self._pattern)
        self._kept: dict[str, str] = {}  # a message -> its text

    def column(self, messages: pl.Series) -> pl.Series:
        """The masked text of each message; null stays null."""
        codes, distinct = self.kinds(messages)
        return distinct.gather(codes)

    def kinds(self, messages: pl.Series) -> tuple[pl.Series, pl.Series]:
        """The distinct masked texts, by where they first come, and for each message its number."""
        longest = messages.str.len_bytes().max()
        if isinstance(longest, int) and longest > LONGEST:
            rows = (messages.str.len_chars() > LONGEST).fill_null(value=False).arg_true()
            heads = messages.gather(rows).str.head(LONGEST).str.replace(_CUT_WORD, "")
            messages = messages.clone().scatter(rows, heads)
        many = self._told_apart is not None and len(messages) >= _MANY
        codes, few = self._alike(messages) if many else _numbered(self._masked(messages))
        # Masked texts are few: what comes next is done for each of them once.
        texts = few.str.replace_all(_RUN, WILD).str.strip_chars(" \t")
        if texts.n_unique() == len(texts):
            return codes, texts
        numbers, distinct = _numbered(texts)
        return numbers.gather(codes), distinct

    def line(self, message: str) -> str:
        """The masked text of one message: the same as in a column, without the cost of one."""
        if len(message) > LONGEST:
            message = _CUT.sub("", message[:LONGEST])
        if self._told_apart is None:
            return self._kept_line(message)
        alike = message.translate(digits.ALIKE)
        text = self._kept_line(alike)
        if "0" in text or any(spelled in alike for spelled in self._told_apart):
            return self._masked_line(message)
        return text

    def _alike(self, messages: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Masked texts by where they first come, and for each message the number of its own.

        Lines that differ only in their digits are masked once, unless a mask may tell these digits
        apart or leaves some of them.
        """
        codes, few = _numbered(digits.alike(messages))
        masked = self._masked(few)
        doubtful = masked.str.contains("0", literal=True)
        if self._told_apart:
            doubtful |= few.str.contains_any(sorted(self._told_apart))
        rows = doubtful.gather(codes).arg_true()
        if rows.is_empty():
            return codes, masked
        own = self._masked(messages.gather(rows))
        return _numbered(masked.gather(codes).scatter(rows, own))

    def _masked(self, messages: pl.Series) -> pl.Series:
        return messages.str.replace_all(self._column_pattern, WILD)

    def _kept_line(self, message: str) -> str:
        text = self._kept.get(message)
        if text is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            text = self._kept[message] = self._masked_line(message)
        return text

    def _masked_line(self, message: str) -> str:
        masked, places = self._one.subn(WILD, message)
        if places > 1 or WILD in message:
            masked = self._run.sub(WILD, masked)
        return masked.strip(" \t")

    @cached_property
    def identity(self) -> str:
        """What tells these masks from others: equal ones mask every message alike."""
        rules = (self._pattern, _RUN, _CUT_WORD, str(LONGEST))
        return xxhash.xxh3_64_hexdigest("\0".join(rules).encode("utf-8", "surrogatepass"))

    @cached_property
    def _one(self) -> re.Pattern[str]:
        return re.compile(self._pattern, re.ASCII)

    @cached_property
    def _run(self) -> re.Pattern[str]:
        return re.compile(_RUN)


def _numbered(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The number of each text among the distinct ones, and these by where they first come."""
    distinct = texts.unique(maintain_order=True)
    table = distinct.alias("text").to_frame().with_row_index("number")
    rows = texts.alias("text").to_frame()
    numbers = rows.join(table, on="text", nulls_equal=True, maintain_order="left")["number"]
    return numbers, distinct


def check_mask(mask: Mask) -> None:
    """See that a mask can be one.

    Raises:
        SettingError: its pattern is no regular expression, looks around, captures, or matches the
            empty text.

    """
    what = f"The mask {mask.name!r} has the pattern {mask.pattern!r}, which"
    allowed = "A pattern is a regular expression without look-around and capturing groups."
    if error := trouble(mask.pattern):
        raise SettingError(f"{what} is not understood: {error}.", hint=allowed)
    compiled = re.compile(mask.pattern, re.ASCII)
    if compiled.groups:
        raise SettingError(f"{what} has a capturing group.", hint="Write (?:...) for (...).")
    if not all(found[0] for text in _EMPTY for found in compiled.finditer(text)):
        raise SettingError(f"{what} matches the empty text.", hint="Use + in place of *.")
