r"""What varies from line to line: numbers, ids, paths, addresses, times; masked in one pass.

All masks are one alternation. A regular expression without groups and without Unicode word
boundaries runs as one automaton over a whole column: ten masks cost hardly more than the last of
them alone (222,579 HDFS lines on one core: 1.5-2.0 M lines/s; with one group and Unicode
boundaries 0.37 M).
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

WILD: Final = "<*>"
LONGEST: Final = 1024  # characters of a message that take part: enough to tell kinds apart

_CHARACTER: Final = r"""[^ \t\r\n=:,;()\[\]<>{}|/"'`.]"""
# Single dots belong to a part; the leaders of "temperature......85" do not.
_PART: Final = rf"(?:{_CHARACTER}+\.)*{_CHARACTER}*[0-9]{_CHARACTER}*(?:\.{_CHARACTER}+)*"
# Lists are as long as they are: what stands side by side becomes one.
_RUN: Final = r"<\*>(?: ?\(<\*>\)|[ ,.:/|=-]+<\*>)+"
_CUT_WORD: Final = r"[ \t][^ \t]*\z"  # the head of a long line ends with a whole word
_CUT: Final = re.compile(r"[ \t][^ \t]*\Z")
_BOUNDARY: Final = r"(?-u:\b)"  # Unicode ones would need a slower engine


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
        self._pattern = "|".join(mask.pattern for mask in (*own, *built_in))

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
            messages = messages.scatter(rows, heads)
        masked = messages.str.replace_all(self._pattern.replace(r"\b", _BOUNDARY), WILD)
        # Masked texts are few: what comes next is done for each of them once.
        few = masked.unique(maintain_order=True)
        texts = few.str.replace_all(_RUN, WILD).str.strip_chars(" \t")
        distinct = texts.unique(maintain_order=True)
        codes = _places(masked, few)
        if len(distinct) < len(few):
            codes = _places(texts, distinct).gather(codes)
        return codes, distinct

    def line(self, message: str) -> str:
        """The masked text of one message: the same as in a column, without the cost of one."""
        if len(message) > LONGEST:
            message = _CUT.sub("", message[:LONGEST])
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


def _places(texts: pl.Series, distinct: pl.Series) -> pl.Series:
    """For each of `texts` where it stands in `distinct`."""
    table = distinct.alias("text").to_frame().with_row_index("place")
    rows = texts.alias("text").to_frame()
    return rows.join(table, on="text", nulls_equal=True, maintain_order="left")["place"]


def check_mask(mask: Mask) -> None:
    """See that a mask can be one.

    Raises:
        SettingError: its pattern is no regular expression, looks around, captures, or matches the
            empty text.

    """
    what = f"The mask {mask.name!r} has the pattern {mask.pattern!r}, which"
    allowed = "A pattern is a regular expression without look-around and capturing groups."
    try:
        compiled = re.compile(mask.pattern, re.ASCII)
        pl.Series([""]).str.contains(mask.pattern)
    except (re.error, pl.exceptions.PolarsError) as error:
        raise SettingError(f"{what} is not understood: {error}.", hint=allowed) from None
    if compiled.groups:
        raise SettingError(f"{what} has a capturing group.", hint="Write (?:...) for (...).")
    if compiled.search(""):
        raise SettingError(f"{what} matches the empty text.", hint="Use + in place of *.")
