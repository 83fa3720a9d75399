"""Where sessions end: how few of those that came to a line wrote nothing after it."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.sequences import Sequences
from boxwatch.models.sessions import RIPE

_LEAST_CASES: Final = 50  # sessions that came to a line, for a share of those that ended there


def last_lines(sessions: Sequences) -> NDArray[np.int64]:
    """The last line of each session; -1 where it has none."""
    return np.where(sessions.lengths > 0, sessions.first[1:] - 1, -1)


def waited(sessions: Sequences) -> NDArray[np.float64]:
    """Seconds from each line to the end of the log."""
    return np.repeat(sessions.left, sessions.lengths) - sessions.after


def patience(sessions: Sequences, codes: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """By code, the seconds within which almost all that follows a line has followed it.

    `codes`: one a line, less than `count`.
    """
    inside = sessions.session[1:] == sessions.session[:-1]
    gaps, before = np.diff(sessions.after)[inside], codes[:-1][inside]
    order = np.lexsort((gaps, before))
    edges = np.searchsorted(before[order], np.arange(count + 1))
    return np.array(
        [
            np.quantile(gaps[order[low:high]], RIPE) if high > low else 0.0
            for low, high in itertools.pairwise(edges.tolist())
        ]
    )


def shares(sessions: Sequences, codes: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """By code, the share of sessions whose last line it is, of all that came to it.

    Also those count that may yet go on: which lines take how long to be followed is not known well
    enough from a log that ends. 1 where too few sessions came to a line.
    """
    came = np.unique(sessions.session * count + codes) % count
    came_there = np.bincount(came, minlength=count)
    last = last_lines(sessions)
    ended = np.bincount(codes[last[last >= 0]], minlength=count)
    share = (ended + 0.5) / (came_there + 1)
    return np.where(came_there >= _LEAST_CASES, share, 1.0)
