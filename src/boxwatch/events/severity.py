"""Severity as OpenTelemetry numbers: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal.

Syslog levels map as the OpenTelemetry logs data model does in its appendix B: emergency FATAL (21),
alert ERROR3 (19), critical ERROR2 (18), error ERROR (17), warning WARN (13), notice INFO2 (10),
informational INFO (9), debug DEBUG (5).
https://opentelemetry.io/docs/specs/otel/logs/data-model-appendix/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

SYSLOG: Final[Mapping[str, int]] = {
    "0": 21,
    "1": 19,
    "2": 18,
    "3": 17,
    "4": 13,
    "5": 10,
    "6": 9,
    "7": 5,
}

WORDS: Final[Mapping[str, int]] = {
    "trace": 1,
    "debug": 5,
    "info": 9,
    "information": 9,
    "notice": 10,
    "warn": 13,
    "warning": 13,
    "err": 17,
    "error": 17,
    "severe": 17,
    "exception": 17,
    "crit": 18,
    "critical": 18,
    "alert": 19,
    "emerg": 21,
    "fatal": 21,
    "panic": 21,
    "emergency": 21,
}
# Three capitals, as Serilog, zerolog and others write the level.
_CAPITALS: Final[Mapping[str, int]] = {
    "trc": 1,
    "vrb": 1,
    "dbg": 5,
    "inf": 9,
    "wrn": 13,
    "ftl": 21,
}
_NAMES: Final = "|".join(sorted(WORDS, key=len, reverse=True))
_SHORT: Final = "|".join(_CAPITALS).upper()
# ASCII only (-u): the automata of Unicode words and cases take longer to build than a small batch
# takes to match.
_WORD: Final = f"((?i-u:{_NAMES}))"
_WORD_UPPER: Final = f"({_NAMES.upper()}|{_SHORT})"
_END: Final = r"(?-u:\b)"

# Letters, and the marks of Redis and Valkey (debug, verbose, notice, warning).
_LETTERS: Final = {"v": 1, "d": 5, "i": 9, "w": 13, "e": 17, "c": 18, "f": 21}
_MARKS: Final = {".": 5, "-": 9, "*": 10, "#": 13}
# What begins a line of some loggers, up to the letter of the level.
_LETTER: Final = (
    # E1121 10:00:00.123456 (klog, glog, Triton), E20261121 10:00:00.1 (glog with the year),
    # [rank3]:[E616 02:08:15.931 (PyTorch), [E 2026-11-21 10:00:00 (Tornado, Jupyter)
    r"^(?:\[rank[0-9]+\]:? ?)?\[?([IWEF])[0-9]{3,8} [0-9:]{8}\."
    r"|^\[([DIWEC]) [0-9]{4,6}[ \-]"
    # [TRT] [E] ..., [W:onnxruntime:, ..., {"t":{...},"s":"E", (MongoDB)
    r"|^(?:\[[^\]]*\] )*\[([VIWEF])\] "
    r"|^(?:[0-9][0-9.: \-]* )?\[([VIWEF]):onnxruntime"
    r'|^\{"t": ?\{[^}]*\}, ?"s": ?"([DIWEF])'
    # 1:M 02 Mar 2026 10:18:08.086 # ... (Redis)
    r"|^[0-9]+:[A-Z] [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:.]+ ([.\-*#]) "
)
_PINO: Final = {"10": 1, "20": 5, "30": 9, "40": 13, "50": 17, "60": 21}
# The first line of a crash, after what a launcher puts before the lines of its processes.
_CRASH: Final = (
    r"^(?:\[rank[0-9]+\]:? ?|\([^)]*\) )*(?:(Traceback) \(most recent call last\)"
    r"|(thread) '[^']*'(?: \([0-9]+\))? panicked at|(panic): |(Exception) in thread \""
    r"|(terminate) called |(Segmentation) fault|(Bus) error)"
)
_CRASHES: Final = {
    "traceback": 17,
    "exception": 17,
    "thread": 21,
    "panic": 21,
    "terminate": 21,
    "segmentation": 21,
    "bus": 21,
}

# What may stand before the level: bracketed groups, tokens that begin with a digit (times, process
# ids), time zones, dashes, what a launcher names in parentheses, and names set off by " - "
# (Python's logging).
_BEFORE: Final = (
    r"^(?:\[[^\]]*\][ \t]*|[0-9][0-9A-Za-z_:.,/+\-]*[ \t]+|(?:UTC|GMT|Z|[A-Z]{2,4}T)[ \t]+"
    r"|[-|] +|[A-Za-z0-9_.\-/]+ - |\([^)]*\) )*"
)
_LEVEL_KEY: Final = (
    _END
    + r"(?i-u:level|lvl|severity(?:_?text)?|levelname|loglevel)\\?[\"']?[ \t]*[=:][ \t]*\\?[\"']?"
    + _WORD
    + _END
)
_LONGEST_KEY: Final = 36  # characters of what it matches

_SPOKEN: Final = (
    # 2024-05-01 12:00:00,123 - app - ERROR - ..., [main] INFO x, <WARN>, (Worker pid=7) ERROR ...,
    # [2024-05-01T12:00:00Z ERROR app], [12:00:00 ERR]
    _BEFORE
    + r"[\[(<|]?"
    + _WORD_UPPER
    + r"(?:[\])>|: \t,\-]|$)|^\[[0-9][0-9A-Za-z_:.,+\- ]*[ \t]"
    + _WORD_UPPER
    + r"[ \]]",
    # error: ..., [warn] ..., [core:error] ..., fatal error: ...
    _BEFORE + r"(?:\[(?:[a-z0-9_]+:)? *" + _WORD + r" *\]|" + _WORD + r"(?: error)?:)",
    # ValueError: ..., java.io.IOException: ..., x.py:1: UserWarning: ...
    r"(?:^|: )[A-Za-z0-9_.]*(Error|Exception|Warning)(?::|$)",
)

# What a line may state, the surest first: a form, and what its group means.
_FORMS: Final[tuple[tuple[str, Mapping[str, int]], ...]] = (
    (_LETTER, {**_LETTERS, **_MARKS}),
    (r'"level" ?: ?([1-6]0)[,}]', _PINO),
    (_CRASH, _CRASHES),
    (_LEVEL_KEY, WORDS),
    *((form, {**WORDS, **_CAPITALS}) for form in _SPOKEN),
)
_ANY: Final = rf"(?i-u:{_NAMES})|{_SHORT}|{_LETTER}|{_FORMS[1][0]}|{_CRASH}"

_HEAD: Final = 256  # characters that are read
_COLOUR: Final = r"\x1b\[[0-9;]*m"


def from_priority(priority: pl.Expr) -> pl.Expr:
    """Syslog levels 0-7, written in digits, as severity; null for anything else."""
    return priority.replace_strict(SYSLOG, default=None, return_dtype=pl.UInt8)


def from_word(word: pl.Expr) -> pl.Expr:
    """A level's name in any case as severity; null for a word that is none."""
    return word.str.to_lowercase().replace_strict(WORDS, default=None, return_dtype=pl.UInt8)


def severity_of(messages: pl.Series) -> pl.Series:
    """The severity that the text of each message states; null where it states none.

    For origins that carry no severity of their own. Reads the first 256 characters, colours of a
    terminal apart.
    """
    heads = messages.str.head(_HEAD)
    said = pl.Series("severity", [None], dtype=pl.UInt8).new_from_index(0, len(messages))
    # Most lines state nothing, and that is quick to see; a form is tried on what is left by those
    # before it, and its groups are taken only where it matches.
    rows = heads.str.contains(_ANY).fill_null(value=False).arg_true()
    texts = _plain(heads.gather(rows))
    for form, numbers in _FORMS:
        places = texts.str.find(form)
        matches = places.is_not_null()
        if matches.any():
            found = _numbers(texts.filter(matches), places.filter(matches), form, numbers)
            said = said.scatter(rows.filter(matches), found)
            rows, texts = rows.filter(~matches), texts.filter(~matches)
        if rows.is_empty():
            break
    return said


def _plain(texts: pl.Series) -> pl.Series:
    """`texts` without the colours of a terminal."""
    coloured = texts.str.contains("\x1b", literal=True)
    return texts.str.replace_all(_COLOUR, "") if coloured.any() else texts


def _numbers(
    texts: pl.Series, places: pl.Series, form: str, numbers: Mapping[str, int]
) -> pl.Series:
    """The severities of `texts`, which match `form` at `places`.

    Groups cost three times the match. A level after its key is cut out first, where it begins, and
    the groups are taken of the few distinct cuts. An offset counts bytes and a cut characters, so
    that what follows other letters than ASCII may be cut wrongly; those are read whole.
    """
    if form != _LEVEL_KEY:
        return _grouped(texts, form, numbers)
    cut = texts.str.slice(places, _LONGEST_KEY)
    distinct = cut.unique()
    words = distinct.str.extract(form).str.to_lowercase()
    levels = words.replace_strict(numbers, default=None, return_dtype=pl.UInt8)
    found = cut.replace_strict(distinct, levels)
    missed = found.is_null().arg_true()
    if missed.is_empty():
        return found
    return found.scatter(missed, _grouped(texts.gather(missed), form, numbers))


def _grouped(texts: pl.Series, form: str, numbers: Mapping[str, int]) -> pl.Series:
    groups = pl.coalesce(pl.col("text").str.extract_groups(form).struct.field("*"))
    words = groups.str.to_lowercase().replace_strict(numbers, default=None, return_dtype=pl.UInt8)
    return texts.alias("text").to_frame().select(words.alias("severity"))["severity"]
