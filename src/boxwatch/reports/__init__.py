"""Reports: an incident as one line, as Markdown, and as a page that stands alone."""

from boxwatch.reports.evidence import Evidence, Wanted, load, wanted
from boxwatch.reports.pages import Line, html, lines, markdown
from boxwatch.reports.timeline import Marker
from boxwatch.reports.words import summary

__all__ = [
    "Evidence",
    "Line",
    "Marker",
    "Wanted",
    "html",
    "lines",
    "load",
    "markdown",
    "summary",
    "wanted",
]
