"""Log lines of our own, where they are wanted; structlog is loaded with the first one told."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import lazy_loader  # type: ignore[import-untyped]

structlog = lazy_loader.load("structlog")  # with asyncio and ssl, a tenth of the time of a start


@dataclass(slots=True)
class _Wanted:
    """From which level on lines are wanted, None = none; and in which form."""

    level: int | None = None
    as_json: bool = False


_WANTED: Final = _Wanted()


def write_logs(level: int | None = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines of at least `level` to standard error, as text or as one JSON object each.

    With None, none are written.
    """
    _WANTED.level, _WANTED.as_json = level, as_json


def write_line(level: int, name: str, fields: Mapping[str, object]) -> None:
    """Write one line, if lines of its level are wanted."""
    if _WANTED.level is None or level < _WANTED.level:
        return
    last = (
        structlog.processors.JSONRenderer()
        if _WANTED.as_json
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    log = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[structlog.processors.add_log_level, stamp, last],
        wrapper_class=structlog.make_filtering_bound_logger(_WANTED.level),
    )
    log.log(level, name, **fields)
