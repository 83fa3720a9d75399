"""The geometry of the picture over all incidents: a lane per entity, a bar per incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from boxwatch.clock import from_micros, to_micros
from boxwatch.incidents.incident import Incident
from boxwatch.reports.words import instant, place
from boxwatch.units import print_lasted

WIDTH: Final = 1120
LABELS: Final = 168  # room for the names of the lanes
LANE: Final = 26
TOP: Final = 26
_LEAST: Final = 5.0  # a bar is at least so wide, or a moment would not be seen
_STEPS: Final = (60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_MOST_TICKS: Final = 13
_LAST: Final = 36  # no label so close to the right edge


@dataclass(frozen=True, slots=True)
class Marker:
    """Something known to have happened, to be shown beside the incidents (a simulated fault)."""

    host: str
    entity: str
    start: datetime
    end: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, what it is, and what it says when pointed at."""

    x: float
    y: float
    width: float
    css: str
    link: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture: lanes (y, name), bars, markers, ticks (x, text)."""

    height: int
    lanes: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    markers: tuple[Bar, ...]
    ticks: tuple[tuple[float, str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    start: int
    end: int

    def x(self, moment: datetime) -> float:
        inside = min(max(to_micros(moment), self.start), self.end)
        share = (inside - self.start) / (self.end - self.start)
        return round(LABELS + (WIDTH - LABELS - 8) * share, 1)


def lay_out(
    incidents: Sequence[Incident],
    markers: Sequence[Marker] = (),
    span: tuple[datetime, datetime] | None = None,
) -> Timeline:
    """The picture of `incidents` and `markers` over `span` (else over what they cover)."""
    scale = _scale(incidents, markers, span)
    hosts = {one.host for one in incidents} | {one.host for one in markers}
    keys = sorted(
        {(one.host, one.entity) for one in incidents} | {(one.host, one.entity) for one in markers},
        key=_lane_order,
    )
    tops = {key: TOP + number * LANE for number, key in enumerate(keys)}
    bars = [_bar(one, tops[one.host, one.entity], scale) for one in incidents]
    known = [_marker(one, tops[one.host, one.entity], scale) for one in markers]
    return Timeline(
        height=TOP + LANE * max(1, len(keys)) + 8,
        lanes=tuple((tops[key], _lane_name(key, many=len(hosts) > 1)) for key in keys),
        bars=tuple(bars),
        markers=tuple(known),
        ticks=_ticks(scale),
    )


def _lane_order(key: tuple[str, str]) -> tuple[str, int, str]:
    host, entity = key
    kinds = ("gpu", "host", "disk", "fs", "net", "sensor", "service", "source")
    kind = entity.partition(":")[0]
    return host, kinds.index(kind) if kind in kinds else len(kinds), entity


def _lane_name(key: tuple[str, str], *, many: bool) -> str:
    host, entity = key
    name = place(entity, host) if entity != "host" else ("the machine" if many else host)
    return f"{host}: {name}" if many else name


def _scale(
    incidents: Sequence[Incident],
    markers: Sequence[Marker],
    span: tuple[datetime, datetime] | None,
) -> _Scale:
    if span is None:
        starts = [one.start for one in incidents] + [one.start for one in markers]
        ends = [one.end for one in incidents] + [one.end for one in markers]
        if not starts:
            return _Scale(0, 1)
        margin = max(timedelta(minutes=1), (max(ends) - min(starts)) / 50)
        span = (min(starts) - margin, max(ends) + margin)
    return _Scale(to_micros(span[0]), max(to_micros(span[1]), to_micros(span[0]) + 1))


def _bar(incident: Incident, top: float, scale: _Scale) -> Bar:
    left = scale.x(incident.start)
    width = max(_LEAST, scale.x(incident.end) - left)
    return Bar(
        x=min(left, WIDTH - _LEAST),
        y=top + 5,
        width=round(width, 1),
        css=f"s-{incident.severity}",
        link=f"#i-{incident.id}",
        text=(
            f"{incident.severity}: {incident.title}; {instant(incident.start)}, "
            f"{print_lasted(incident.end - incident.start)}"
        ),
    )


def _marker(marker: Marker, top: float, scale: _Scale) -> Bar:
    left = scale.x(marker.start)
    return Bar(
        x=left,
        y=top + LANE - 7,
        width=round(max(_LEAST, scale.x(marker.end) - left), 1),
        css="marker",
        link="",
        text=f"{marker.label}; {instant(marker.start)}, {print_lasted(marker.end - marker.start)}",
    )


def _ticks(scale: _Scale) -> tuple[tuple[float, str, bool], ...]:
    """(x, text, is it a new day): round times, at most a dozen."""
    seconds = (scale.end - scale.start) / 1e6
    step = next((s for s in _STEPS if seconds / s <= _MOST_TICKS), _STEPS[-1]) * 1_000_000
    ticks: list[tuple[float, str, bool]] = []
    day = None
    moment = -(-scale.start // step) * step
    while moment <= scale.end and len(ticks) < 10 * _MOST_TICKS:
        when = from_micros(moment)
        fresh, day = when.date() != day, when.date()
        if scale.x(when) > WIDTH - _LAST:
            break  # its label would not fit
        ticks.append((scale.x(when), when.strftime("%d %b %H:%M" if fresh else "%H:%M"), fresh))
        moment += step
    return tuple(ticks)
