"""Reports: an incident as one line, as Markdown, and as a page that stands alone."""

from boxwatch.reports.cards import Card, CardFaults, CardGate, CardPart, card_markdown, card_page
from boxwatch.reports.drift_pages import Moved, drift_page
from boxwatch.reports.evidence import Evidence, Wanted, load, wanted
from boxwatch.reports.findings import Finding, findings
from boxwatch.reports.pages import Line, html, lines, markdown
from boxwatch.reports.studies import study_page
from boxwatch.reports.timeline import Marker
from boxwatch.reports.words import instant, labelled, standing, summary

__all__ = [
    "Card",
    "CardFaults",
    "CardGate",
    "CardPart",
    "Evidence",
    "Finding",
    "Line",
    "Marker",
    "Moved",
    "Wanted",
    "card_markdown",
    "card_page",
    "drift_page",
    "findings",
    "html",
    "instant",
    "labelled",
    "lines",
    "load",
    "markdown",
    "standing",
    "study_page",
    "summary",
    "wanted",
]
