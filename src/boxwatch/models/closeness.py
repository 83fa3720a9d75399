"""How close a template is to known ones: whether a new line says what an old one said.

A template is the set of its words and of their character trigrams (words within themselves, so
order and inflection count little), each weighted by how few of the known templates have it: the
cosine of these TF-IDF vectors (Salton and Buckley, 1988), hashed into `_BUCKETS` buckets. Nothing
is downloaded and nothing is trained: the weights follow from the templates that are known.

Words are not meanings. Where only one of two lines denies, fails or succeeds, its closeness is
halved ("no alerts are active"); "node is up" and "node is down" are rather close still. So compare
failures with failures, and lower a severity by it rather than drop a finding.

Measured on ten 2k sets of Loghub-2.0, by time; see `SAME`.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# From here two lines that fail say the same in other words. Failures of ten 2k sets as they first
# come, compared with those before: chosen on five sets (of 15 with a new event none is nearer),
# checked on five others (of 59 six, of which five say the same, as "x+" and "z+").
SAME: Final = 0.85

_BUCKETS: Final = 65_536
_LONGEST: Final = 512  # characters of a template that are compared
_MOST_VOTES: Final = 20_000  # entries of the index that one question may look at, the rarest first
_CANDIDATES: Final = 48  # known templates whose closeness is computed exactly
_WORDS: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WILD: Final = "<*>"
_TURNS: Final = (
    re.compile(r"\b(?:no|not|non|never|none|without|cannot|\w+n't)\b"),
    re.compile(r"\b(?:fail|fails|failed|failing|failure|failures)\b"),
    re.compile(r"\b(?:success|succeeds?|succeeded|successful|successfully|ok)\b"),
)


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest known template; `closeness` from 0 (nothing in common) to 1 (the same words)."""

    template: str
    closeness: float


class Closeness:
    """Known templates by group (a service), and which of them a new one is nearest to.

    Args:
        capacity: Templates that are remembered, over all groups. When it is reached, the older
            half is forgotten.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self.forgotten = 0
        self._capacity = capacity
        self._clear()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, template: str, group: str = "") -> None:
        """Know `template` in `group`; one that is known already is left as it is."""
        key = (group, template)
        if key in self._known:
            return
        if len(self._known) >= self._capacity:
            self._forget()
        number = self._known[key] = len(self._known)
        buckets = _buckets(template)
        self._turns.append(_turns(template))
        self._groups.append(self._group_numbers.setdefault(group, len(self._group_numbers)))
        self._templates.append(template)
        self._vectors.append(buckets)
        self._sizes.append(len(buckets))
        self._frequency[buckets] += 1
        for bucket in buckets.tolist():
            entries = self._entries.get(bucket)
            if entries is None:
                entries = self._entries[bucket] = array("I")
            entries.append(number)

    def nearest(self, template: str, group: str = "") -> Near | None:
        """The known template of `group` that is nearest to `template`; the oldest of several.

        None where the group has none that has anything in common with it.
        """
        buckets = _buckets(template)
        number = self._group_numbers.get(group)
        if number is None or not len(buckets):
            return None
        weights = self._weights(buckets)
        candidates = self._candidates(buckets, weights, number)
        if not len(candidates):
            return None
        vectors = [self._vectors[one] for one in candidates.tolist()]
        edges = np.cumsum([0, *(len(one) for one in vectors[:-1])])
        theirs = np.concatenate(vectors)
        squares = np.add.reduceat(self._weights(theirs), edges)
        self._asked[buckets] = weights
        shared = np.add.reduceat(self._asked[theirs], edges)
        self._asked[buckets] = 0.0
        closeness = shared / np.sqrt(squares * weights.sum())
        turned = np.frombuffer(self._turns, np.uint8)[candidates] != _turns(template)
        closeness = np.where(turned, closeness / 2, closeness)
        best = int(closeness.argmax())
        return Near(self._templates[int(candidates[best])], min(1.0, float(closeness[best])))

    def _weights(self, buckets: NDArray[np.int64]) -> NDArray[np.float64]:
        """The squared weight of each bucket."""
        rarity = np.log((len(self._known) + 1) / (self._frequency[buckets] + 1))
        weights: NDArray[np.float64] = (1.0 + np.maximum(rarity, 0.0)) ** 2
        return weights

    def _candidates(
        self, buckets: NDArray[np.int64], weights: NDArray[np.float64], group: int
    ) -> NDArray[np.int64]:
        """The templates of `group` with most of the weight in common, by number."""
        frequency = self._frequency[buckets]
        order = np.argsort(frequency, kind="stable")
        order = order[frequency[order] > 0]
        enough = np.searchsorted(np.cumsum(frequency[order]), _MOST_VOTES, side="right")
        order = order[: max(1, int(enough))]
        if not len(order):
            return np.zeros(0, np.int64)
        entries = np.concatenate(
            [np.frombuffer(self._entries[bucket], np.uint32) for bucket in buckets[order].tolist()]
        )
        votes = np.bincount(entries, np.repeat(weights[order], frequency[order]))
        found: NDArray[np.int64] = np.flatnonzero(votes)
        found = found[np.frombuffer(self._groups, np.uint32)[found] == group]
        if len(found) > _CANDIDATES:
            # A short template has fewer buckets to share than a long one.
            sizes = np.frombuffer(self._sizes, np.uint32)[found]
            likely = votes[found] / np.sqrt(sizes)
            least = np.partition(likely, -_CANDIDATES)[-_CANDIDATES]
            found = found[likely >= least][: 2 * _CANDIDATES]
        return found

    def _clear(self) -> None:
        self._known: dict[tuple[str, str], int] = {}
        self._templates: list[str] = []
        self._vectors: list[NDArray[np.int64]] = []
        self._sizes = array("I")
        self._turns = array("B")
        self._groups = array("I")
        self._group_numbers: dict[str, int] = {}
        self._entries: dict[int, array[int]] = {}  # bucket -> numbers of the templates in it
        self._frequency = np.zeros(_BUCKETS, np.int64)
        self._asked = np.zeros(_BUCKETS)

    def _forget(self) -> None:
        kept = list(self._known)[self._capacity // 2 + 1 :]
        self.forgotten += len(self._known) - len(kept)
        self._clear()
        for group, template in kept:
            self.add(template, group)

    def save(self) -> dict[str, object]:
        """All state, JSON-able: the templates, from which the rest follows."""
        groups: dict[str, list[str]] = {}
        order = []
        for group, template in self._known:
            groups.setdefault(group, []).append(template)
            order.append(self._group_numbers[group])
        return {"groups": groups, "order": order, "forgotten": self.forgotten}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._clear()
        names: Sequence[str] = list(saved["groups"])
        waiting = [iter(saved["groups"][name]) for name in names]
        for number in saved["order"]:
            self.add(next(waiting[number]), names[number])
        self.forgotten = int(saved["forgotten"])


def _turns(template: str) -> int:
    """Which of `_TURNS` the template says, as bits."""
    text = _text(template)
    return sum(1 << bit for bit, turn in enumerate(_TURNS) if turn.search(text))


def _text(template: str) -> str:
    """What is compared of a template: its words, humps taken apart, in small letters."""
    return _HUMP.sub(" ", template[:_LONGEST].replace(_WILD, " ")).replace("_", " ").lower()


def _buckets(template: str) -> NDArray[np.int64]:
    """The buckets of a template's words and trigrams, each once, sorted."""
    found = set()
    for word in _WORDS.findall(_text(template)):
        found.add(word)
        ends = f" {word} "
        found.update(ends[at : at + 3] for at in range(len(ends) - 2))
    hashed = {zlib.crc32(one.encode("utf-8", "surrogatepass")) % _BUCKETS for one in found}
    return np.array(sorted(hashed), np.int64)
