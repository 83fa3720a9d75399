"""Where sessions end: how few of those that came to a line wrote nothing after it.

A line is told by its template and by whether it is the first, second, ... of its session: after the
first of three replicas the next follows at once, after the third hours later.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.sequences import Sequences
from boxwatch.models.sessions import RIPE

_LEAST_CASES: Final = 50  # sessions that came to a line, for a share of those that ended there
_LONGEST_WAIT: Final = 0.1  # of the log
_MOST_TIMES: Final = 8  # how often a template came in a session, up to here


def states(sessions: Sequences, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each line its code and the how manieth of its session it is, as one number."""
    order = np.lexsort((np.arange(len(codes)), codes, sessions.session))
    owner, kind = sessions.session[order], codes[order]
    begins = np.ones(len(codes), bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (kind[1:] != kind[:-1])
    places = np.arange(len(codes))
    before = np.empty(len(codes), np.int64)
    before[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return codes * _MOST_TIMES + np.minimum(before, _MOST_TIMES - 1)


def size(codes: int) -> int:
    """How many states there are."""
    return codes * _MOST_TIMES


def last_lines(sessions: Sequences) -> NDArray[np.int64]:
    """The last line of each session; -1 where it has none."""
    return np.where(sessions.lengths > 0, sessions.first[1:] - 1, -1)


def waited(sessions: Sequences) -> NDArray[np.float64]:
    """Seconds from each line to the end of the log."""
    return np.repeat(sessions.left, sessions.lengths) - sessions.after


def patience(sessions: Sequences, states: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """By state, the seconds within which almost all that follows a line has followed it.

    Infinite where that is more than a part of the whole log: such a wait was seen too few times to
    know how long it can be. `states`: one a line, less than `count`.
    """
    longest = _LONGEST_WAIT * float(sessions.left.max(initial=0.0))
    inside = sessions.session[1:] == sessions.session[:-1]
    gaps, before = np.diff(sessions.after)[inside], states[:-1][inside]
    order = np.lexsort((gaps, before))
    edges = np.searchsorted(before[order], np.arange(count + 1))
    waits = np.array(
        [
            np.quantile(gaps[order[low:high]], RIPE) if high > low else 0.0
            for low, high in itertools.pairwise(edges.tolist())
        ]
    )
    return np.where(waits <= longest, waits, np.inf)


def shares(sessions: Sequences, states: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """By state, the share of sessions whose last line it is, of all that came to it.

    Also those count that may yet go on: which lines take how long to be followed is not known well
    enough from a log that ends. 1 where too few sessions came to a line.
    """
    came = np.unique(sessions.session * count + states) % count
    came_there = np.bincount(came, minlength=count)
    last = last_lines(sessions)
    ended = np.bincount(states[last[last >= 0]], minlength=count)
    share = (ended + 0.5) / (came_there + 1)
    return np.where(came_there >= _LEAST_CASES, share, 1.0)
