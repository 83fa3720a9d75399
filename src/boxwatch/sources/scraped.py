"""A page of metrics in the text format of Prometheus, read without trust.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from boxwatch.events.model_servers import NAMES, Reading, recognised

_NAME: Final = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
_LINE_LIMIT: Final = 16_384  # characters; the parser's cost grows with the square of a line
_MOST_LINES: Final = 20_000  # of use; a server with a hundred models has fewer


@dataclass(frozen=True, slots=True)
class Page:
    """What a page said: which server, our metrics by name, lines that could not be read."""

    server: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    malformed: int = 0
    foreign: str = ""  # why nothing was recognised


def read_page(page: bytes) -> Page:
    """What `page` says of a model server; never raises, whatever it holds.

    Only lines with a name that is of use are parsed: of the thousand of a busy server some dozen.
    One that is malformed is counted and costs no other.
    """
    readings: list[Reading] = []
    malformed = 0
    for line in _useful(page.decode("utf-8", "replace").splitlines()):
        try:
            readings += _parse(line)
        except (ValueError, OverflowError, IndexError):
            malformed += 1
    server, metrics = recognised(readings)
    return Page(server, metrics, malformed, "" if server else _foreign(page))


def _useful(lines: Iterable[str]) -> list[str]:
    useful = []
    for line in lines:
        match = _NAME.match(line[:256])
        if match is not None and match[1] in NAMES and len(line) <= _LINE_LIMIT:
            useful.append(line)
            if len(useful) == _MOST_LINES:
                break
    return useful


def _parse(line: str) -> list[Reading]:
    return [
        Reading(sample.name, sample.labels, float(sample.value))
        for family in text_string_to_metric_families(line)
        for sample in family.samples
    ]


def _foreign(page: bytes) -> str:
    head = page.lstrip()[:200].lower()
    if not head:
        return "The page is empty."
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        return "The page is a web page, not metrics."
    if head.startswith((b"{", b"[")):
        return "The page is JSON, not metrics in the text format of Prometheus."
    if head.startswith(b"#") or _NAME.match(head.decode("utf-8", "replace")):
        return "The page has no metric of a model server that is known."
    return "The page is not metrics in the text format of Prometheus."
