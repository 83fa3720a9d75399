"""Incidents as Markdown and as one self-contained HTML page.

The page loads nothing and runs nothing: style and pictures are inside, scripts are forbidden by
its own content security policy. All text from logs is escaped, and unseen characters are shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from boxwatch.detections.known import RULES
from boxwatch.incidents.incident import Incident, State
from boxwatch.incidents.relations import is_address
from boxwatch.reports import chart, timeline
from boxwatch.reports.chart import Chart
from boxwatch.reports.evidence import Evidence
from boxwatch.reports.findings import Finding, findings
from boxwatch.reports.timeline import Marker
from boxwatch.reports.words import instant, labelled, place, standing, visible
from boxwatch.units import print_lasted

_MOST_LINES: Final = 24
_JUMP: Final = timedelta(minutes=1)  # so far apart, lines do not read as following each other
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])")


@dataclass(frozen=True, slots=True)
class Line:
    """One evidence line, ready to print.

    `around`: only because of the one beside it; `jump`: it comes so long after the one before it.
    """

    time: str
    origin: str
    message: str
    around: bool = False
    jump: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The document a known-failure rule rests on."""

    rule: str
    url: str
    dated: str


def _plain(text: str) -> str:
    """`text` as Markdown that shows it as it is."""
    return _MARKUP.sub(r"\\\1", visible(text))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("boxwatch.reports"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "plain": _plain,
        "instant": instant,
        "lasted": print_lasted,
        "labelled": labelled,
    }
    return environment


ENVIRONMENT: Final = _environment()


def markdown(incident: Incident, evidence: Evidence | None = None) -> str:
    """One incident for a ticket or a chat: what, when, where, why, what to do, evidence."""
    shown = _shown(incident, Evidence() if evidence is None else evidence)
    longest = max((len(run) for run in re.findall("`+", _fenced(shown))), default=0)
    template = ENVIRONMENT.get_template("incident.md.j2")
    return template.render(one=shown, fence="`" * max(3, longest + 1))


def html(  # noqa: PLR0913 - four of them only name what is around the incidents
    incidents: Sequence[Incident],
    evidence: Mapping[str, Evidence] | None = None,
    *,
    title: str = "Boxwatch report",
    note: str = "",
    markers: Sequence[Marker] = (),
    span: tuple[datetime, datetime] | None = None,
) -> str:
    """All of `incidents` as one page that stands alone.

    `evidence` is by incident id. `note` is printed at the top (say there if it was simulated).
    `markers` are known faults to show beside the incidents; `span` is the time the page is about.
    """
    told = {} if evidence is None else evidence
    ordered = sorted(incidents, key=lambda one: (one.start, one.id))
    shown = [_shown(one, told.get(one.id, Evidence())) for one in ordered]
    return ENVIRONMENT.get_template("report.html.j2").render(
        title=title,
        note=note,
        incidents=shown,
        counts=_counts(ordered),
        hosts=sorted({one.host for one in ordered}),
        span=span,
        picture=timeline.lay_out(ordered, markers, span),
        sizes={
            "width": timeline.WIDTH,
            "labels": timeline.LABELS,
            "lane": timeline.LANE,
            "top": timeline.TOP,
            "chart_width": chart.WIDTH,
            "chart_height": chart.HEIGHT,
        },
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident with everything its templates print."""

    incident: Incident
    state: str
    open: bool
    where: tuple[str, ...]
    findings: tuple[Finding, ...]
    charts: tuple[Chart, ...]
    lines: tuple[Line, ...]
    more_lines: int
    sources: tuple[Source, ...]


def _shown(incident: Incident, evidence: Evidence) -> Shown:
    charts = tuple(
        chart.draw(entity, metric, frame, incident.start, incident.end)
        for (entity, metric), frame in evidence.series.items()
        if not frame.is_empty()
    )
    names = dict.fromkeys(found.name for found in incident.detections if found.name in RULES)
    return Shown(
        incident=incident,
        state=standing(incident),
        open=incident.state in (State.OPEN, State.ACKNOWLEDGED),
        where=_where(incident),
        findings=findings(incident.detections),
        charts=charts,
        lines=lines(evidence),
        more_lines=max(0, evidence.lines.height - _MOST_LINES),
        sources=tuple(
            Source(name, RULES[name].source, RULES[name].dated.isoformat()) for name in names
        ),
    )


def _where(incident: Incident) -> tuple[str, ...]:
    """Every entity in words; a card known by its index is not named by its PCI address again."""
    indexed = incident.entity.startswith("gpu:") and not is_address(incident.entity)
    named = [name for name in incident.entities if not (indexed and is_address(name))]
    words = [place(name, incident.host) if name != "host" else "the machine" for name in named]
    return tuple(dict.fromkeys(words))


def lines(evidence: Evidence) -> tuple[Line, ...]:
    """The lines to print, by time: those that findings name before those beside them."""
    told = evidence.lines.sort("time", maintain_order=True)
    around = told["event_id"].is_in(pl.Series(list(evidence.around), dtype=pl.UInt64).implode())
    chosen = pl.concat([told.filter(~around), told.filter(around)]).head(_MOST_LINES)
    ordered = chosen.sort("time", maintain_order=True)
    jumps = (ordered["time"].diff() > _JUMP).fill_null(value=False)
    rows = zip(ordered.iter_rows(named=True), jumps, strict=True)
    return tuple(
        Line(
            time=instant(row["time"], day=False),
            origin=visible(_origin(row)),
            message=visible("" if row["message"] is None else row["message"]),
            around=row["event_id"] in evidence.around,
            jump=jump,
        )
        for row, jump in rows
    )


def _origin(row: Mapping[str, str | None]) -> str:
    for column in ("container_name", "unit", "source"):
        name = row[column]
        if name:
            return name
    return ""


def _fenced(shown: Shown) -> str:
    return "\n".join(line.message + line.origin for line in shown.lines)


def _counts(incidents: Sequence[Incident]) -> list[tuple[str, int]]:
    order = ("critical", "high", "medium", "low", "info")
    return [
        (name, number)
        for name in order
        if (number := sum(one.severity == name for one in incidents)) > 0
    ]
