r"""Which masked texts are one template: words that vary without a digit in them.

Masking alone makes a text a pure function of its line: the same after a restart, on another
machine, in any order. What it cannot see are words that vary without a digit ("user alice", "user
bob"). A place among otherwise equal words is a place for a word, `<*>`, from then on, when

- it has held `VARIETY` different words, or
- it has held a word where another line holds something masked ("old=null", "old=<*>"),

and at least `_FRAME` other words stand around it. The key before a value that ends the line needs
none: what lists many values one a line ("n_ctx = 4096", "n_embd = 2048") is one kind of line.
Places are counted over the set of texts ever seen, each counted once, so the templates that a set
of lines ends with do not depend on their order.

On ten corrected 2k sets of Loghub-2.0 (one setting for all) GA is .992 and FGA .949; four words in
place of five give .987 and .943, a frame of two .992 and .942, more of either the same.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import xxhash

from boxwatch.events.masks import WILD

VARIETY: Final = 5  # different words in one place make it a place for words
_FRAME: Final = 3  # other words that a place needs around it
_MOST_WORDS: Final = 40  # of a text that are looked at
_MASKED: Final = 0  # what fills a place that holds something masked
_SEPARATORS: Final = re.compile(r"([ \t,;()\[\]{}=:|]+)")
_ASSIGNED: Final = frozenset({"=", " = ", "= ", " ="})


def template_id(template: str) -> int:
    """The stable id of a template's text: 64 bits, unsigned (xxh3)."""
    return xxhash.xxh3_64_intdigest(template.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Merge:
    """A text that belongs to another template than before."""

    text: str
    before: str
    after: str


class Vocabulary:
    """The masked texts seen, and the template each belongs to. All state is in `save()`.

    Bounded: at most `texts` texts and `places` places are remembered. Of texts and of undecided
    places the oldest is forgotten first; a text that was forgotten keeps its template, since
    places that are decided stay. Once there are `places` of these, no more are decided.
    """

    def __init__(self, texts: int = 50_000, places: int = 200_000) -> None:
        self.forgotten = 0  # texts
        self.undecidable = 0  # places for a word that there was no room for
        self.merged: OrderedDict[int, int] = OrderedDict()  # id before -> id after, the latest
        self._most_texts = texts
        self._most_places = places
        # Ordered ones, whose oldest entry is found at once, however many were forgotten.
        self._templates: OrderedDict[str, str] = OrderedDict()  # text -> template, oldest first
        self._by_id: dict[int, str] = {}  # id of a text -> the text
        self._undecided: OrderedDict[int, list[int]] = OrderedDict()  # place -> ids of its texts
        self._wild: dict[int, None] = {}  # places for a word

    def __len__(self) -> int:
        return len(self._templates)

    def get(self, text: str) -> str | None:
        """The template of `text`; None if it is not known."""
        return self._templates.get(text)

    def template(self, text: str) -> str:
        """The template `text` belongs to, known or not."""
        known = self._templates.get(text)
        return self._settled(text) if known is None else known

    def learn(self, text: str) -> list[Merge]:
        """Take a text that is not known; returns the known ones that move because of it."""
        number = template_id(text)
        moved: dict[int, None] = {}
        for _, word, place in _places(text):
            if place in self._wild:
                continue
            fillers = self._undecided.setdefault(place, [])
            filler = number if word != WILD else _MASKED
            if filler not in fillers:
                fillers.append(filler)
            if len(fillers) >= (2 if _MASKED in fillers else VARIETY):
                del self._undecided[place]
                if len(self._wild) >= self._most_places:
                    self.undecidable += 1
                    continue
                self._wild[place] = None
                moved |= dict.fromkeys(fillers)
        moved.pop(number, None)
        self._templates[text] = self._settled(text)
        self._by_id[number] = text
        merges = [self._moved(self._by_id[other]) for other in moved if other in self._by_id]
        self._forget()
        return merges

    def use(self, text: str) -> None:
        """Say that `text` is in use: it is forgotten later."""
        self._templates.move_to_end(text)

    def masked_anew(self, mask: Callable[[str], str]) -> dict[str, str]:
        """Take all texts as `mask` makes them now.

        Returns:
            The template before -> the template after, of those that have another name now; these
            are in `merged` too.
        """
        before = self._templates
        self._templates, self._by_id, self._undecided = OrderedDict(), {}, OrderedDict()
        now = {text: mask(text) for text in before}
        for text in now.values():
            if text not in self._templates:
                self.learn(text)
        pairs = {old: self.template(now[text]) for text, old in before.items()}
        renamed = {old: new for old, new in pairs.items() if old != new}
        for old, new in renamed.items():
            self._record(old, new)
        return renamed

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "texts": list(self._templates),
            "undecided": {str(place): ids for place, ids in self._undecided.items()},
            "wild": list(self._wild),
            "merged": {str(before): after for before, after in self.merged.items()},
            "forgotten": self.forgotten,
            "undecidable": self.undecidable,
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Take up what `save` returned."""
        self._wild = dict.fromkeys(saved["wild"])
        undecided = saved["undecided"].items()
        self._undecided = OrderedDict((int(place), list(ids)) for place, ids in undecided)
        self._templates = OrderedDict((text, self._settled(text)) for text in saved["texts"])
        self._by_id = {template_id(text): text for text in self._templates}
        self.merged = OrderedDict((int(old), new) for old, new in saved["merged"].items())
        self.forgotten = int(saved["forgotten"])
        self.undecidable = int(saved.get("undecidable", 0))

    def _moved(self, text: str) -> Merge:
        before, after = self._templates[text], self._settled(text)
        self._templates[text] = after
        if before != after:
            self._record(before, after)
        return Merge(text, before, after)

    def _record(self, before: str, after: str) -> None:
        self.merged[template_id(before)] = template_id(after)
        while len(self.merged) > self._most_texts:
            self.merged.popitem(last=False)

    def _settled(self, text: str) -> str:
        wild = [position for position, _, place in _places(text) if place in self._wild]
        if not wild:
            return text
        parts = _SEPARATORS.split(text)
        for position in wild:
            parts[position] = WILD
        return "".join(parts)

    def _forget(self) -> None:
        while len(self._templates) > self._most_texts:
            oldest, _ = self._templates.popitem(last=False)
            del self._by_id[template_id(oldest)]
            self.forgotten += 1
        while len(self._undecided) > self._most_places:
            self._undecided.popitem(last=False)


def _places(text: str) -> Iterator[tuple[int, str, int]]:
    """Every place of `text` that could vary: its position among the parts, its word, the place.

    The place is a hash of all that stands around the word.
    """
    parts = _SEPARATORS.split(text)
    whole = range(0, min(len(parts), 2 * _MOST_WORDS), 2)
    words = [position for position in whole if parts[position] and WILD not in parts[position]]
    positions = words if len(words) > _FRAME else _key(parts)
    if len(words) >= _FRAME:
        positions = [*positions, *(position for position in whole if parts[position] == WILD)]
    for position in positions:
        before, after = "".join(parts[:position]), "".join(parts[position + 1 :])
        around = f"{before}\0{after}".encode("utf-8", "surrogatepass")
        yield position, parts[position], xxhash.xxh3_64_intdigest(around)


def _key(parts: Sequence[str]) -> list[int]:
    """Where the key stands whose value ends the line; empty if there is none."""
    if len(parts) < 3 or parts[-1] != WILD or parts[-2] not in _ASSIGNED:
        return []
    position = len(parts) - 3
    key = parts[position]
    return [position] if key and WILD not in key and position < 2 * _MOST_WORDS else []
