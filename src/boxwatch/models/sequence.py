"""The order of lines in a session: a network that has learned which line comes next.

Counts cannot see that the lines which belong together came in the wrong order. Here an LSTM reads
the templates of a session one by one and says how likely each is next (the idea of DeepLog, Du et
al., CCS 2017; in place of its fixed "among the nine most likely", a line is judged by the share of
all possible lines that are no likelier). As with counts, what fewer than `RARE` of the sessions do
is strange: a template that so few have, a line so unlikely that fewer would have one like it among
their lines if the network were right, a last line that is the last of so few.

It does not replace counting, it sees another kind of fault. HDFS (2 % sample, split by time,
threshold from training), F1 after 30 and 70 % clean, 30 and 50 % unlabelled: .846, .751, .865,
.831; counts .938, .925, .938, .914. Normal sessions of the test part altered so that the counts
stay the same (two lines exchanged; three moved elsewhere; the last put first): .82-.87, .78-.85,
.98-1.00 are found, and .008-.015 of those left as they are; counts find .003-.005 of both. Two
neighbours exchanged: .19-.50; there most such orders are usual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models import endings
from boxwatch.models.detector import Saved
from boxwatch.models.next_line import Lesson, NextLine, Seen, Train
from boxwatch.models.saved import expect, floats, not_fitted, number
from boxwatch.models.sequences import FIRST_CODE, OTHER, START, Coded, Sequences, coded
from boxwatch.models.sessions import RARE, Verdicts

_VERSION: Final = 1
_LEAST_SESSIONS: Final = 50
_MOST_CODES: Final = 1024  # templates that have a code of their own, the most frequent
_HELD: Final = 5  # one session in so many is not learned from, but says what is usual
_MOST_ALARMS: Final = 0.10  # of the held sessions: where more are strange, strange is rarer
_MOST_WINDOWS: Final = 50_000  # that are learned from
_LEAST_SHARE: Final = 1e-12
_MOST_REASONS: Final = 3
_SHOWN: Final = 2  # lines before the strange one that a reason names


@dataclass(frozen=True, slots=True)
class _Judged:
    """Sessions as codes, what the network says of each, how strange each is, and each end."""

    coded: Coded
    seen: Seen
    surprise: NDArray[np.float64]
    ends: NDArray[np.float64]

    @property
    def score(self) -> NDArray[np.float64]:
        """How strange each session is: as the strangest thing about it."""
        if not len(self.ends):
            return self.ends
        return np.maximum(self.ends, np.maximum.reduceat(self.surprise, self.coded.first[:-1]))


class SequenceModel:
    """Learns in which order lines come, and says which sessions have another.

    Args:
        train: Trains the network: `models.sequence_training.train`. Only `fit` needs it.
        seed: Of the training; the same sessions and seed give the same model.
    """

    name: ClassVar[str] = "sequence"

    def __init__(self, train: Train | None = None, seed: int = 0) -> None:
        self.threshold = math.inf
        self._train = train
        self._seed = seed
        self._sessions = 0
        self._share: dict[str, float] = {}  # of sessions with the template
        self._names: list[str] = []  # of the templates that have a code, in the order of codes
        self._patience: NDArray[np.float64] = np.zeros(0)  # by state, see `endings`
        self._ends: NDArray[np.float64] = np.zeros(0)
        self._grid: NDArray[np.float64] = np.zeros(0)
        self._network: NextLine | None = None

    def fit(self, sessions: Sequences) -> None:
        """Learn from sessions of which at most a few in a hundred are failures.

        Raises:
            ModelError: fewer than 50 sessions, or there is nothing to train with.

        """
        if self._train is None:
            raise ModelError(
                "This model can score but not learn: it was made without a way to train.",
                hint="Install boxwatch[deep] where models are trained.",
            )
        if len(sessions) < _LEAST_SESSIONS:
            raise ModelError(
                f"{len(sessions)} sessions are too few to learn their order; "
                f"it takes {_LEAST_SESSIONS}.",
                hint="Give a longer training log, or another session column.",
            )
        self._sessions = len(sessions)
        self._learn_templates(sessions)
        count = len(self._names) + FIRST_CODE
        states = endings.states(sessions, self._codes(sessions))
        self._patience = endings.patience(sessions, states, endings.size(count))
        self._ends = endings.shares(sessions, states, endings.size(count))
        held = np.arange(len(sessions)) % _HELD == _HELD - 1
        self._learn_order(sessions.select(np.flatnonzero(~held)))
        self._grid = np.sort(self._judge(sessions.select(np.flatnonzero(held))).score)
        usual = float(np.quantile(self._grid, 1 - _MOST_ALARMS, method="higher"))
        self.threshold = max(-math.log(RARE), usual)

    def score(self, sessions: Sequences) -> Verdicts:
        """How strange each session is, which are alarms, and why.

        A p-value is the share of the training sessions not learned from that are as strange.
        """
        judged = self._judge(sessions)
        score = judged.score
        alarm = score > self.threshold
        as_strange = len(self._grid) - np.searchsorted(self._grid, score, side="left")
        p_value = (as_strange + 1) / (len(self._grid) + 1)
        reasons = {
            row: self._reasons(sessions, row, judged) for row in np.flatnonzero(alarm).tolist()
        }
        return Verdicts(score, p_value, alarm, reasons)

    def _learn_order(self, sessions: Sequences) -> None:
        """Train on all, then again without those that are strange even so: they may be failures."""
        self._network = self._trained(sessions)
        score = self._judge(sessions).score
        usual = score <= np.quantile(score, 1 - RARE, method="lower")
        if not usual.all():
            self._network = self._trained(sessions.select(np.flatnonzero(usual)))

    def _trained(self, sessions: Sequences) -> NextLine:
        if self._train is None:
            raise not_fitted(self.name)
        count = len(self._names) + FIRST_CODE
        lesson = _lesson(coded(sessions, self._codes(sessions)), self._seed, count)
        return NextLine(self._train(lesson))

    def _learn_templates(self, sessions: Sequences) -> None:
        counts = sessions.counted()
        present = np.bincount(counts.template, minlength=len(counts.templates))
        shares = (present + 0.5) / (len(sessions) + 1)
        self._share = {
            name: float(share)
            for name, share, times in zip(counts.templates, shares, present, strict=True)
            if times
        }
        common = [int(code) for code in np.argsort(-present, kind="stable")[:_MOST_CODES]]
        self._names = [counts.templates[code] for code in common if shares[code] >= RARE]

    def _codes(self, sessions: Sequences) -> NDArray[np.int64]:
        code_of = {name: code for code, name in enumerate(self._names, FIRST_CODE)}
        table = np.array([code_of.get(name, OTHER) for name in sessions.templates], np.int64)
        return table[sessions.template] if len(table) else np.zeros(0, np.int64)

    def _judge(self, sessions: Sequences) -> _Judged:
        if self._network is None:
            raise not_fitted(self.name)
        codes = self._codes(sessions)
        read = coded(sessions, codes)
        seen = self._network.judge(read)
        owner = np.repeat(np.arange(len(sessions)), np.diff(read.first))
        judged = np.bincount(owner, seen.judged, minlength=len(sessions))
        surprise = -np.log(np.maximum(seen.share, _LEAST_SHARE) * np.maximum(judged, 1)[owner])
        surprise[~seen.judged] = 0.0
        shares = np.array([self._rarity(name) for name in sessions.templates])
        if len(codes):
            lines = np.flatnonzero(read.codes != START)
            surprise[lines] = np.maximum(surprise[lines], -np.log(shares[sessions.template]))
        return _Judged(read, seen, np.maximum(surprise, 0.0), self._judge_ends(sessions, codes))

    def _judge_ends(self, sessions: Sequences, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        surprise = np.zeros(len(sessions))
        last = endings.last_lines(sessions)
        written = last >= 0
        last = last[written]
        states = endings.states(sessions, codes)[last]
        ripe = endings.waited(sessions)[last] >= self._patience[states]
        surprise[written] = np.where(ripe, -np.log(self._ends[states]), 0.0)
        return surprise

    def _rarity(self, template: str) -> float:
        """The share of sessions with `template` where that is a rarity, 1 where it is none."""
        share = self._share.get(template, 0.5 / (self._sessions + 1))
        return share if share < RARE else 1.0

    def _reasons(self, sessions: Sequences, row: int, judged: _Judged) -> tuple[str, ...]:
        begin, end = judged.coded.first[row : row + 2].tolist()
        surprise = judged.surprise[begin:end]
        found = [(float(surprise[place]), place) for place in range(1, end - begin)]
        found.append((float(judged.ends[row]), end - begin))
        lines = sessions.template[sessions.first[row] : sessions.first[row + 1]]
        names = [sessions.templates[one] for one in lines.tolist()]
        texts: dict[str, None] = {}
        for amount, place in sorted(found, key=lambda one: -one[0]):
            if amount <= self.threshold or len(texts) == _MOST_REASONS:
                break
            if place > len(names):
                texts[_end_reason(names[-1], amount)] = None
            else:
                texts[self._reason(names, place - 1, begin + place, judged.seen)] = None
        return tuple(texts)

    def _reason(self, names: Sequence[str], line: int, code: int, seen: Seen) -> str:
        if not seen.judged[code]:
            share = self._share.get(names[line])
            if share is None:
                return f"{names[line]!r} was never seen before"
            return f"{names[line]!r} occurs (in {share:.1%} of sessions)"
        before = ", ".join(repr(name) for name in names[max(0, line - _SHOWN) : line])
        expected = self._names[int(seen.expected[code]) - FIRST_CODE]
        return (
            f"{f'after {before}' if before else 'at the beginning'} the next line was expected "
            f"to be {expected!r} ({seen.sure[code]:.0%}), was {names[line]!r}"
        )

    def save(self) -> Saved:
        """Everything `load` needs: the graph as bytes, arrays, and what JSON carries."""
        if self._network is None:
            raise not_fitted(self.name)
        arrays: dict[str, NDArray[np.generic]] = {
            "graph": np.frombuffer(self._network.graph, np.uint8),
            "patience": self._patience,
            "ends": self._ends,
            "grid": self._grid,
        }
        meta: dict[str, object] = {
            "model": self.name,
            "version": _VERSION,
            "sessions": self._sessions,
            "threshold": self.threshold,
            "share": self._share,
            "names": self._names,
        }
        return Saved(arrays, meta)

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The model that `saved` describes; it scores, and cannot learn.

        Raises:
            ModelError: something is missing or damaged.

        """
        expect(saved, cls.name, _VERSION)
        model = cls()
        model._names, model._share = _texts(saved.meta), _shares(saved.meta)
        model._sessions = int(number(saved, "sessions"))
        model.threshold = number(saved, "threshold")
        size = len(model._names) + FIRST_CODE
        model._patience = floats(saved, "patience", (endings.size(size),))
        model._ends = floats(saved, "ends", (endings.size(size),))
        model._grid = floats(saved, "grid", (None,))
        graph = saved.arrays.get("graph")
        network = NextLine(b"" if graph is None else graph.tobytes())
        if network.codes != size:
            raise ModelError("The saved network has other templates than its model.", hint=_HINT)
        model._network = network
        return model


def _end_reason(last: str, surprise: float) -> str:
    share = math.exp(-surprise)
    return f"nothing comes after {last!r} (so it is in {share:.1%} of the sessions that come to it)"


_HINT: Final = "The model file is damaged or from another version: train again."


def _texts(meta: Mapping[str, object]) -> list[str]:
    names = meta.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError("The saved model has no list of templates.", hint=_HINT)
    return list(names)


def _shares(meta: Mapping[str, object]) -> dict[str, float]:
    shares = meta.get("share")
    if not isinstance(shares, dict):
        raise ModelError("The saved model has no shares of its templates.", hint=_HINT)
    return {str(name): float(share) for name, share in shares.items()}


def _lesson(learned: Coded, seed: int, codes: int) -> Lesson:
    owner, place = learned.windows()
    if len(owner) > _MOST_WINDOWS:
        kept = np.random.default_rng(seed).choice(len(owner), _MOST_WINDOWS, replace=False)
        kept.sort()
        owner, place = owner[kept], place[kept]
    read, come, _ = learned.read(owner, place)
    return Lesson(read, come, codes, seed)
