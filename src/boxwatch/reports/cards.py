"""The card of a version: what it watches and learned from, what it finds and what it misses.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boxwatch.reports.pages import ENVIRONMENT

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CardPart:
    """One view's model: how much it learned from, and when its windows are an alarm."""

    view: str
    windows: int
    entities: int
    detectors: tuple[str, ...]
    alarm_at: float | None


@dataclass(frozen=True, slots=True)
class CardGate:
    """What one gate said: the value, the limit, in words; `interval` is empty where there is none.

    `passed` is what it said then.
    """

    gate: str
    passed: bool
    value: str
    limit: str
    interval: str
    text: str


@dataclass(frozen=True, slots=True)
class CardFaults:
    """Injected faults of one view and strength: how many were found of how many, and the bounds."""

    view: str
    strength: str
    found: int
    of: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Card:
    """All of a card.

    Attributes:
        version: Such as `v7`.
        facts: Standing, times, code.
        data: What it learned from.
        recipe: With which settings.
        parts: Its models.
        gates: What the gates said last; `asked` is when, by whom.
        asked: Empty where nobody asked the gates.
        faults: Measured for this card.
        missed: Kinds of faults of which fewer than all were found, the least found first.
        unmeasured: Why something could not be measured.
        excluded: Time that was left out, and why.
        limits: What one should know before trusting it.
    """

    version: str
    facts: Facts
    data: Facts
    recipe: Facts
    parts: tuple[CardPart, ...]
    gates: tuple[CardGate, ...]
    asked: str
    faults: tuple[CardFaults, ...]
    missed: tuple[tuple[str, float], ...]
    unmeasured: tuple[str, ...]
    excluded: tuple[Facts, ...]
    limits: tuple[str, ...]


def card_markdown(card: Card) -> str:
    """`card` for a repository or a ticket."""
    return ENVIRONMENT.get_template("card.md.j2").render(card=card)


def card_page(card: Card) -> str:
    """`card` as one page that stands alone: it loads nothing and runs nothing."""
    return ENVIRONMENT.get_template("card.html.j2").render(card=card)
