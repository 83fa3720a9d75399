"""Times, spans, numbers and hostile text as a person can read them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from boxwatch.detections.known import in_words
from boxwatch.events.metrics import METRICS
from boxwatch.incidents.incident import Incident, Label, State
from boxwatch.units import print_lasted

# Control characters, and marks that reorder text on the screen (Unicode TR 36): a log line must
# not be able to show itself as something it is not.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST: Final = 400


def visible(text: str) -> str:
    r"""`text` in one line, with everything unseen made visible as `\xNN` or `\uNNNN`."""
    flat = text.replace("\r\n", " ⏎ ").replace("\n", " ⏎ ").replace("\t", "    ")
    shown = _UNSEEN.sub(lambda found: _escape(found.group()), flat)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def instant(moment: datetime, *, day: bool = True) -> str:
    """`2026-03-01 03:12:45 UTC`, or only the time of day."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if day else "%H:%M:%S")


def standing(incident: Incident) -> str:
    """Where it stands, and its label: `open`, `false alarm`, `resolved, labelled real`."""
    state = incident.state.value.replace("_", " ")
    return state if incident.label is None else f"{state}, labelled {incident.label.opinion}"


def labelled(label: Label) -> str:
    """`expected until 2026-03-09 12:00:00 UTC (ann, 2026-03-02 12:00:00 UTC: a load test)`."""
    until = "" if label.until is None else f" until {instant(label.until)}"
    note = f": {visible(label.note)}" if label.note else ""
    return f"{label.opinion}{until} ({visible(label.by)}, {instant(label.at)}{note})"


def place(entity: str, host: str) -> str:
    """An entity in words, as the titles say it."""
    return in_words(entity, host)


def summary(incident: Incident) -> str:
    """One line without markup: severity, what, where, when, how long, what to do."""
    lasts = print_lasted(incident.end - incident.start)
    time = f"for {lasts} so far" if incident.state is State.OPEN else f"for {lasts}"
    return visible(
        f"[{incident.severity.upper()}] {incident.title} ({incident.host}, {incident.entity}) "
        f"since {instant(incident.start)}, {time}, {standing(incident)}. {incident.action}"
    )


def metric_title(metric: str) -> str:
    """What a metric means; the name itself where it is not one of ours."""
    known = METRICS.get(metric)
    return metric if known is None else known.help


def unit_of(metric: str) -> tuple[str, float]:
    """The unit to show a metric in, and what to multiply its values by.

    Counters are shown as rates, but for those in `SUMS`; `_seconds_total` then is a share of time.
    """
    if metric in SUMS:
        return "errors", 1.0
    for ending, shown in _UNITS:
        if metric.endswith(ending):
            return shown
    return ("per s", 1.0) if metric.endswith("_total") else ("", 1.0)


# Errors are rare: their sum, with its steps, says more than their rate.
SUMS: Final = ("ecc_corrected_total", "ecc_uncorrected_total")
_UNITS: Final = (
    ("_celsius", ("°C", 1.0)),
    ("_ratio", ("%", 100.0)),
    ("_bytes_total", ("MB/s", 1e-6)),
    ("_bytes", ("GB", 1e-9)),
    ("_hertz", ("MHz", 1e-6)),
    ("_watts", ("W", 1.0)),
    ("_seconds_total", ("% of time", 100.0)),
    ("_lanes", ("lanes", 1.0)),
)


def number(value: float) -> str:
    """A value in at most four digits, without noise."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
