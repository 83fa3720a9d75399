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
_NAMES: Final = "|".join(sorted(WORDS, key=len, reverse=True))
# ASCII only (-u): the automata of Unicode words and cases take longer to build than a small batch
# takes to match.
_WORD: Final = f"((?i-u:{_NAMES}))"
_WORD_UPPER: Final = f"({_NAMES.upper()})"
_END: Final = r"(?-u:\b)"

_KLOG: Final = {"i": 9, "w": 13, "e": 17, "f": 21}
# 1:M 02 Mar 2026 10:18:08.086 # ... (Redis and Valkey: debug, verbose, notice, warning)
_REDIS_LINE: Final = r"^[0-9]+:[A-Z] [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:.]+ ([.\-*#]) "
_REDIS: Final = {".": 5, "-": 9, "*": 10, "#": 13}
_PINO: Final = {"10": 1, "20": 5, "30": 9, "40": 13, "50": 17, "60": 21}

# What may stand before the level: bracketed groups, tokens that begin with a digit (times, process
# ids), time zones, dashes, and names set off by " - " (Python's logging).
_BEFORE: Final = (
    r"^(?:\[[^\]]*\][ \t]*|[0-9][0-9A-Za-z_:.,/+\-]*[ \t]+|(?:UTC|GMT|Z|[A-Z]{2,4}T)[ \t]+"
    r"|[-|] +|[A-Za-z0-9_.\-/]+ - )*"
)

_SPOKEN: Final = (
    # level=error, "severity": "WARNING", lvl=warn (logfmt, JSON)
    _END
    + r"(?i-u:level|lvl|severity|levelname|loglevel)[\"']?[ \t]*[=:][ \t]*[\"']?"
    + _WORD
    + _END,
    # 2024-05-01 12:00:00,123 - app - ERROR - ..., [main] INFO x, <WARN>
    _BEFORE + r"[\[(<|]?" + _WORD_UPPER + r"(?:[\])>|: \t,\-]|$)",
    # error: ..., [warn] ..., fatal error: ...
    _BEFORE + r"(?:\[ *" + _WORD + r" *\]|" + _WORD + r"(?: error)?:)",
    # ValueError: ..., java.io.IOException: ..., x.py:1: UserWarning: ...
    r"(?:^|: )[A-Za-z0-9_.]*(Error|Exception|Warning)(?::|$)",
)

# What a line may state, the surest first: a form, and what its group or the form itself means.
_FORMS: Final[tuple[tuple[str, Mapping[str, int] | int], ...]] = (
    (r"^([IWEF])[0-9]{4} [0-9:]{8}\.", _KLOG),
    (r'"level" ?: ?([1-6]0)[,}]', _PINO),
    (r"^Traceback \(most recent call last\)", 17),
    (r"^thread '.*' panicked at|^panic: ", 21),
    *((form, WORDS) for form in _SPOKEN),
)
_ANY: Final = rf"(?i-u:{_NAMES})|{_FORMS[0][0]}|{_FORMS[1][0]}|^Traceback "


def from_priority(priority: pl.Expr) -> pl.Expr:
    """Syslog levels 0-7, written in digits, as severity; null for anything else."""
    return priority.replace_strict(SYSLOG, default=None, return_dtype=pl.UInt8)


def from_word(word: pl.Expr) -> pl.Expr:
    """A level's name in any case as severity; null for a word that is none."""
    return word.str.to_lowercase().replace_strict(WORDS, default=None, return_dtype=pl.UInt8)


def from_text(messages: pl.Series) -> pl.Series:
    """The severity that the text of each message states; null where it states none.

    For origins that carry no severity of their own. Reads the first 256 characters.
    """
    heads = messages.str.head(256)
    said = pl.Series("severity", [None], dtype=pl.UInt8).new_from_index(0, len(messages))
    # Most lines state nothing, and that is quick to see; a form is tried on what is left by those
    # before it, and its groups are taken only where it matches.
    rows = heads.str.contains(_ANY).fill_null(value=False).arg_true()
    for form, number in _FORMS:
        texts = heads.gather(rows)
        matches = texts.str.contains(form)
        if matches.any():
            found = _numbers(texts.filter(matches), form, number)
            said = said.scatter(rows.filter(matches), found)
            rows = rows.filter(~matches)
        if rows.is_empty():
            break
    return said


def _numbers(texts: pl.Series, form: str, number: Mapping[str, int] | int) -> pl.Series | int:
    """The severities of `texts`, all of which match `form`."""
    if isinstance(number, int):
        return number
    groups = pl.coalesce(pl.col("text").str.extract_groups(form).struct.field("*"))
    words = groups.str.to_lowercase().replace_strict(number, default=None, return_dtype=pl.UInt8)
    return texts.alias("text").to_frame().select(words.alias("severity"))["severity"]
