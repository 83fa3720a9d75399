"""Which cards a machine has: each is known by its uuid and keeps the index it was first seen with.

nvidia-smi numbers the cards it finds. Where one is lost, or stands in another slot after a restart,
the numbers of the others move; what is called `gpu:2` here stays the same card.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from boxwatch.sources.source import Position

IDENTITY: Final = ("index", "uuid", "name", "pci.bus_id", "serial")
REPORTED: Final = "index.reported"  # the number nvidia-smi gives a card now, where it is another
_TOLD: Final = (*IDENTITY[1:], "driver_version", "kmd_version", "vbios_version", "mig.mode.current")
_EXPECTED_S: Final = 7 * 86400.0  # a card that is missing for so long is no longer expected

Row = Mapping[str, str]


@dataclass(slots=True)
class Card:
    """One card: its index here, what identifies it, and since when it is missing."""

    index: str
    facts: dict[str, str] = field(default_factory=dict)
    reported: str = ""
    missing_since: float | None = None  # seconds since the epoch

    def identity(self) -> dict[str, str]:
        """What every row of this card carries."""
        told: dict[str, str] = {n: self.facts[n] for n in IDENTITY[1:] if n in self.facts}
        told["index"] = self.index
        if self.reported not in ("", self.index):
            told[REPORTED] = self.reported
        return told

    def says(self, name: str) -> str:
        """A fact about this card; empty if it is not known."""
        return self.facts.get(name, "")


class Cards:
    """The cards of one machine; what `save()` returns is all that must outlive a restart."""

    def __init__(self, position: Position | None = None) -> None:
        self._cards: list[Card] = _read(position)
        self._announced: dict[str, dict[str, str]] = {}  # index -> what was last told of it

    def __len__(self) -> int:
        """How many cards are known, missing ones counted."""
        return len(self._cards)

    def take(self, row: Row) -> Card:
        """The card that `row` speaks of, with what the row says of it."""
        reported = row["index"]
        card = self._find(row, reported)
        if card is None:
            card = Card(self._free(reported))
            self._cards.append(card)
        card.reported, card.missing_since = reported, None
        fresh = {name: row[name] for name in _TOLD if _is_known(row.get(name, ""))}
        if fresh.get("uuid", card.says("uuid")) != card.says("uuid"):
            card.facts = {}  # another card in this slot
        card.facts |= fresh
        return card

    def news(self, card: Card) -> bool:
        """True if `card` is not as it was last announced; it then counts as announced."""
        told = {**card.facts, REPORTED: card.reported}
        if self._announced.get(card.index) == told:
            return False
        self._announced[card.index] = told
        return True

    def missing(self, seen: Collection[str], now: float) -> list[Card]:
        """The cards whose index is not among `seen`; one missing for a week is forgotten."""
        absent = [card for card in self._cards if card.index not in seen]
        for card in absent:
            card.missing_since = now if card.missing_since is None else card.missing_since
            if now - card.missing_since > _EXPECTED_S:
                self._cards.remove(card)
        return [card for card in absent if card in self._cards]

    def at(self, bus_id: str) -> Card | None:
        """The card at a PCI address, however that is spelt."""
        wanted = _address(bus_id)
        found = (card for card in self._cards if _address(card.says("pci.bus_id")) == wanted)
        return next(found, None)

    def of(self, uuid: str) -> Card | None:
        """The card of a uuid."""
        return next((card for card in self._cards if card.says("uuid") == uuid), None)

    def beside(self, lost: Collection[str]) -> list[Card]:
        """The cards whose index is not among `lost`, for asking only after these."""
        return [card for card in self._cards if card.index not in lost]

    def only(self) -> Card | None:
        """The card of a machine that has just one."""
        return self._cards[0] if len(self._cards) == 1 else None

    def save(self) -> list[dict[str, object]]:
        """Every known card, JSON-able."""
        return [
            {"index": card.index, **card.facts}
            | ({} if card.missing_since is None else {"missing_since": card.missing_since})
            for card in self._cards
        ]

    def _find(self, row: Row, reported: str) -> Card | None:
        """By uuid; by slot where the uuid is new or cannot be read; by number where neither can."""
        for name in ("uuid", "pci.bus_id"):
            value = row.get(name, "")
            if _is_known(value):
                same = [card for card in self._cards if card.says(name) == value]
                if same:
                    return same[0]
        if any(_is_known(row.get(name, "")) for name in ("uuid", "pci.bus_id")):
            nameless = [c for c in self._cards if c.index == reported and not c.says("uuid")]
            return nameless[0] if nameless else None
        same = [card for card in self._cards if reported == (card.reported or card.index)]
        return same[0] if same else None

    def _free(self, reported: str) -> str:
        taken = {card.index for card in self._cards}
        if reported not in taken:
            return reported
        return next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)


def _is_known(value: str) -> bool:
    """False for `[N/A]`, `[GPU is lost]`, `ERR!` and their like."""
    return bool(value) and value != "N/A" and not value.startswith(("[", "ERR"))


def _address(bus_id: str) -> str:
    """`00000000:41:00.0` and `0000:41:00.0` are one address."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{domain.lstrip('0')}:{rest}"


def _read(position: Position | None) -> list[Card]:
    gpus = position.get("gpus", []) if position else []
    cards: dict[str, Card] = {}
    for saved in gpus if isinstance(gpus, Sequence) else []:
        if not isinstance(saved, Mapping) or not str(saved.get("index", "")).isdigit():
            continue
        since = saved.get("missing_since")
        cards[str(saved["index"])] = Card(
            str(saved["index"]),
            {name: str(saved[name]) for name in _TOLD if name in saved},
            missing_since=float(since) if isinstance(since, int | float) else None,
        )
    return list(cards.values())
