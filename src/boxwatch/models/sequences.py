"""Sessions as lines in their order, and the windows in which a model of order reads them.

A session is written as codes: `START`, then one code for each line; `OTHER` stands for every
template that the model has no code for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.sessions import Sessions

OTHER: Final = 0
START: Final = 1
FIRST_CODE: Final = 2  # of a template
STEPS: Final = 64  # places of one window
CONTEXT: Final = 16  # places that a later window repeats of the one before, to know where it is
UNJUDGED: Final = -1


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sessions as their lines in order, session after session.

    Session n has the lines `first[n]` to `first[n + 1]`. `template` (index into `templates`) and
    `after` (seconds from the session's first line) have one entry a line. `left`, one a session:
    seconds from its first line to the end of the log; infinite where nothing more can come.
    """

    templates: Sequence[str]
    first: NDArray[np.int64]
    template: NDArray[np.int64]
    after: NDArray[np.float64]
    left: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The lines of each session."""
        return np.diff(self.first)

    @property
    def session(self) -> NDArray[np.int64]:
        """The session of each line."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def counted(self) -> Sessions:
        """The same sessions as counts, without their order."""
        kinds = max(len(self.templates), 1)
        keys, where, count = np.unique(
            self.session * kinds + self.template, return_inverse=True, return_counts=True
        )
        last = np.zeros(len(keys))
        np.maximum.at(last, where, self.after)
        return Sessions(self.templates, keys // kinds, keys % kinds, count, last, self.left)

    def select(self, rows: NDArray[np.int64]) -> Sequences:
        """The sessions `rows`, in that order."""
        lengths = self.lengths[rows]
        first = np.concatenate([[0], np.cumsum(lengths)])
        lines = np.repeat(self.first[rows] - first[:-1], lengths) + np.arange(first[-1])
        return Sequences(
            self.templates, first, self.template[lines], self.after[lines], self.left[rows]
        )


@dataclass(frozen=True, slots=True)
class Coded:
    """Sequences as codes: session n has the codes `first[n]` to `first[n + 1]`, `START` before all.

    Each code but the first is to be predicted from those before it.
    """

    codes: NDArray[np.int64]
    first: NDArray[np.int64]

    def windows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The session of each window, and its place in that session."""
        places = np.diff(self.first) - 1
        stride = STEPS - CONTEXT
        count = np.maximum(1, -(-(places - CONTEXT) // stride))
        owner = np.repeat(np.arange(len(places)), count)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return owner, nth * stride

    def read(
        self, owner: NDArray[np.int64], place: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Windows as matrices (windows, steps): codes read, codes to come, and where these stand.

        A code to come is `UNJUDGED` where there is none, where it is `OTHER`, and where the window
        before has judged it.
        """
        step = np.arange(STEPS)[None, :]
        at = self.first[owner][:, None] + place[:, None] + step
        inside = at < self.first[owner + 1][:, None] - 1
        longest = int(inside.sum(axis=1).max(initial=1))
        at, inside, step = at[:, :longest], inside[:, :longest], step[:, :longest]
        here = np.where(inside, at, 0)
        come = self.codes[np.minimum(here + 1, len(self.codes) - 1)]
        repeated = (place[:, None] > 0) & (step < CONTEXT)
        come = np.where(inside & ~repeated & (come != OTHER), come, UNJUDGED)
        return np.where(inside, self.codes[here], OTHER), come, here + 1

    def batches(
        self, rows: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """All windows, `rows` at a time, as `read` gives them."""
        owner, place = self.windows()
        for begin in range(0, len(owner), rows):
            part = slice(begin, begin + rows)
            yield self.read(owner[part], place[part])


def coded(sequences: Sequences, codes_of_lines: NDArray[np.int64]) -> Coded:
    """`sequences` as codes, given those of the lines."""
    first = sequences.first + np.arange(len(sequences) + 1)
    codes = np.full(int(first[-1]), START, np.int64)
    codes[np.arange(len(codes_of_lines)) + sequences.session + 1] = codes_of_lines
    return Coded(codes, first)
