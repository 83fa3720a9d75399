"""Lines of services, as the pipeline hands them to those who judge their order and rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl
from tests.detections import made

from boxwatch.detections import Detection
from boxwatch.detections.logs import LogWatch
from boxwatch.events.schema import LOGS

INFO, WARNING, ERROR = 9, 13, 17


class Line(NamedTuple):
    """A line so many seconds from the start."""

    second: float
    text: str
    severity: int = INFO
    service: str = "service:ollama"
    pid: int = 7
    host: str = "box"


def now(second: float) -> datetime:
    """The instant so many seconds from the start."""
    return made.START + timedelta(seconds=second)


def written(lines: Iterable[Line]) -> pl.DataFrame:
    """The lines in order of time, with templates: numbers vary."""
    ordered = sorted(lines, key=lambda line: line.second)
    rows = [
        {
            "time": now(line.second),
            "host": line.host,
            "subtype": "journal",
            "severity": line.severity,
            "attributes": f'{{"pid":"{line.pid}"}}',
            "message": line.text,
            "event_id": 2**63 + number,
            "entity": line.service,
            "template": re.sub(r"\w*\d\w*", "<*>", line.text),
        }
        for number, line in enumerate(ordered)
    ]
    schema = {**LOGS, "entity": pl.String(), "template": pl.String()}
    return pl.DataFrame(rows, schema=schema)


def told(
    lines: Sequence[Line], cuts: Sequence[float] = (), *, save: bool = False
) -> list[Detection]:
    """What is said last of each finding; read in turns that end at `cuts` (seconds)."""
    frame = written(lines)
    end = max(line.second for line in lines) + 30
    watch, last, low = LogWatch(), {}, now(-1)
    for cut in [*sorted(cuts), end]:
        turn = frame.filter((pl.col("time") >= low) & (pl.col("time") < now(cut)))
        low = max(low, now(cut))
        last |= {found.id: found for found in watch.add(turn, low)}
        if save:
            saved, watch = watch.save(), LogWatch()
            watch.load(saved)
    return list(last.values())


def beats(text: str, every: float, until: float, begin: float = 0.0, **line: object) -> list[Line]:
    """The same line again and again."""
    count = int((until - begin) / every)
    return [Line(begin + every * number, text, **line) for number in range(count)]  # type: ignore[arg-type]
