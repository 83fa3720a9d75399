"""Lines that say that something fails, by their severity or, where it tells nothing, by words."""

from __future__ import annotations

from typing import Final

import polars as pl

INFO: Final = 12  # OpenTelemetry severity numbers: up to here a line says that it is no error,
ERROR: Final = 17  # and from here that it is one; in between, or where it says nothing, words do

_WORDS: Final = (
    r"(?i-u:\b(?:error|fail|failed|failure|fatal|panic|abort|aborting|aborted|exception|corrupt"
    r"|corrupted|unrecoverable|cannot|can't|unable to|timed out)\b)"
)


def fails() -> pl.Expr:
    """Whether a line (`severity`, `message`) tells of a failure."""
    level = pl.col("severity").fill_null(INFO + 1)
    said = pl.col("message").str.contains(_WORDS)
    return ((level >= ERROR) | ((level > INFO) & said)).fill_null(value=False)
