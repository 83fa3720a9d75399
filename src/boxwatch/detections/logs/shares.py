"""The shares that two kinds of line of one service have of both together, and what is unusual.

Shares of all lines change with the load: what comes by the clock is much of what a service writes
at night and little of it by day. So kinds are held against one another, two at a time, by the log
of their odds (J. Aitchison, The Statistical Analysis of Compositional Data, 1986): of two kinds
that come with the same work the odds stay, however much work there is, and where the odds move
with the load, their range is wide and says so.

A pair is unusual where its odds are far beyond the widest usual ones and chance alone does not make
it so: `times` as far from the middle as all but one in a hundred were (as `gaps.times`: so unlikely
where each further step of that length is as unlikely as the first), at least three times the odds,
and Chernoff's bound on the binomial chance of the counts, at the widest usual share, is as small
(H. Chernoff 1952, Ann. Math. Stat. 23, 493; it holds for any number of lines).

And it must be a change of the mix and not of the load: either one kind takes the place of the
other while both together come as often as ever, or both are known to rise and fall together, one
hardly comes any more, and the other still comes as often as ever. Lines that differ only in what a
server answers (200, 500) are one kind of work, and need no such proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections.logs.gaps import Usual as Longest
from boxwatch.detections.logs.gaps import times

Counts = NDArray[np.uint32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

ENOUGH: Final = 30  # lines of both kinds that are judged together

_LEAST_GROUPS: Final = 20  # of at least half as many lines, that must be known
_STRAY: Final = 0.01  # share of them that may be beyond what is usual
_HEARD: Final = (5, 3)  # groups with the rarer kind: at least so many, and so many times the strays
_STRANGE: Final = 1e-6
_MORE: Final = math.log(3.0)  # odds: so much beyond the widest usual ones, at least
_TOGETHER: Final = 0.8  # correlation from which two kinds come with the same work
_RARE: Final = 0.05  # share of the blocks, at either end, that alone tie no two kinds together
_MOVED: Final = 1.1  # times its median rate: so much more or less is a change
_VARIED: Final = 1.5  # times: how much the rate of a kind must vary to tell how much work there is
_SPAN: Final = 0.01  # a rate between this quantile and that much below the largest is usual


@dataclass(frozen=True, slots=True)
class Turned:
    """Two kinds of line (by number) whose shares are unusual, `more` the one that comes more.

    `share` is that of `more` of both together, over `blocks` blocks; `low` and `high` are the
    widest usual ones. `moved` is the kind whose rate changed more, and `instead` says whether one
    takes the place of the other.
    """

    more: int
    less: int
    count: int
    of: int
    low: float
    high: float
    blocks: int
    moved: int
    instead: bool
    beyond: float

    @property
    def share(self) -> float:
        """Of both."""
        return self.count / self.of


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of every two kinds. Arrays have an entry a pair, `first` < `second`.

    Odds are logs of those of `first` against `second`.
    """

    first: Int64
    second: Int64
    low: Float64  # the widest usual odds
    high: Float64
    below: Float64  # beyond these they are unusual
    above: Float64
    shares: Float64  # (2, pairs): the range of the share of `first`, as it was
    known: Flags  # whether there is enough to go by
    together: Flags
    same: Flags  # whether they differ only in what they tell
    totals: Float64  # (2, pairs): the range of what both bring to a block
    rates: Float64  # (3, kinds): the lowest usual, median and highest usual count of a block


def learn(counts: Counts, same: Flags) -> Usual:
    """What `counts` show: shape (blocks, kinds), the lines of each kind in each block.

    `same` (kinds, kinds) says which differ only in what they tell, as answers of a server with
    another status do: of these one need not have been heard before.
    """
    first, second = np.triu_indices(counts.shape[1], 1)
    lines = counts.astype(np.float64)
    a, b = lines[:, first], lines[:, second]
    ones, others = _groups(a, b)
    of = ones + others
    full = of >= ENOUGH / 2
    odds = np.where(full, _odds(ones, others), np.inf)
    ordered = np.sort(odds, axis=0)
    groups = full.sum(axis=0)
    stray = np.maximum(1, np.floor(_STRAY * groups)).astype(np.int64)
    known = groups >= _LEAST_GROUPS
    column = np.arange(len(first))
    rows = len(ordered) - 1
    low_row, high_row = np.clip(stray, 0, rows), np.clip(groups - 1 - stray, 0, rows)
    low, high = ordered[low_row, column], ordered[high_row, column]
    middle = ordered[np.clip((groups - 1) // 2, 0, rows), column]
    low, high, middle = (np.where(known, edge, 0.0) for edge in (low, high, middle))
    noise = 1 / np.sqrt(np.maximum(of, 1.0) * _share(middle) * _share(-middle))
    wide = np.sort(np.where(full, np.maximum(odds - middle - noise, 0.0), np.inf), axis=0)
    deep = np.sort(np.where(full, np.maximum(middle - odds - noise, 0.0), np.inf), axis=0)
    wide, deep = (np.where(known, d[high_row, column], 0.0) for d in (wide, deep))
    shares = np.sort(np.where(full, ones / np.maximum(of, 1.0), np.inf), axis=0)
    far = np.array(
        [
            times(Longest(0.0, strays), count, _STRANGE) if count >= _LEAST_GROUPS else 1.0
            for strays, count in zip(stray.tolist(), groups.tolist(), strict=True)
        ]
    )
    heard = np.minimum(((ones > 0) & full).sum(axis=0), ((others > 0) & full).sum(axis=0))
    least, share = _HEARD
    alike = same[first, second]
    known &= (heard >= np.maximum(least, share * stray)) | alike
    return Usual(
        first,
        second,
        low,
        high,
        np.minimum(low - _MORE, middle - far * deep),
        np.maximum(high + _MORE, middle + far * wide),
        np.stack([shares[low_row, column], shares[high_row, column]]),
        known,
        _correlation(lines)[first, second] >= _TOGETHER,
        alike,
        np.quantile(a + b, (_SPAN, 1 - _SPAN), axis=0, method="nearest"),
        np.quantile(lines, (_SPAN, 0.5, 1 - _SPAN), axis=0, method="nearest"),
    )


def turned(usual: Usual, latest: Counts) -> list[Turned]:
    """The pairs that are unusual in the `latest` blocks, oldest first; the farthest off first.

    Of each pair as many of them are looked at as it takes to have lines enough.
    """
    sums = np.cumsum(latest[::-1].astype(np.float64), axis=0)
    a, b = sums[:, usual.first], sums[:, usual.second]
    enough = a + b >= ENOUGH
    blocks = enough.argmax(axis=0)
    column = np.arange(len(usual.first))
    ones, others = a[blocks, column], b[blocks, column]
    odds = _odds(ones, others)
    above = (odds >= usual.above) & (_surprise(ones, others, usual.high) >= -math.log(_STRANGE))
    below = (odds <= usual.below) & (_surprise(others, ones, -usual.low) >= -math.log(_STRANGE))
    found = []
    for pair in np.flatnonzero(usual.known & enough[-1] & (above | below)).tolist():
        found += _told(usual, pair, sums[blocks[pair]], int(blocks[pair]) + 1, up=above[pair])
    return sorted(found, key=lambda one: -one.beyond)


def is_usual(usual: Usual, latest: Counts, kinds: tuple[int, int]) -> bool | None:
    """Whether two kinds have usual shares in the `latest` blocks; None where nobody can tell.

    As many of them are looked at as it takes to have lines enough.
    """
    (pair,) = np.flatnonzero((usual.first == min(kinds)) & (usual.second == max(kinds))).tolist()
    lines = latest[:, [usual.first[pair], usual.second[pair]]]
    sums = np.cumsum(lines[::-1].astype(np.float64), axis=0)
    enough = np.flatnonzero(sums.sum(axis=1) >= ENOUGH)
    if len(enough) == 0:
        return None
    ones, others = sums[enough[:1]].T
    odds = float(_odds(ones, others)[0])
    return bool(usual.low[pair] - _MORE / 2 <= odds <= usual.high[pair] + _MORE / 2)


def _told(usual: Usual, pair: int, sums: Float64, blocks: int, *, up: bool) -> list[Turned]:
    """The pair as a finding, where it is a change of the mix and not of the load."""
    first, second = int(usual.first[pair]), int(usual.second[pair])
    more, less = (first, second) if up else (second, first)
    now = sums / blocks
    change = np.log((now + 0.5) / (usual.rates[1] + 0.5))
    both = now[more] + now[less]
    least, most = usual.totals[:, pair]
    grown = change[more] >= math.log(_MOVED) and change[less] <= -math.log(_MOVED)
    instead = bool(usual.same[pair] or (grown and least <= both <= most))
    moved = more if change[more] >= -change[less] else less
    if not instead and not (usual.together[pair] and moved == less and _goes_on(usual, more, now)):
        return []
    widest = usual.high[pair] if up else -usual.low[pair]
    low, high = usual.shares[:, pair] if up else 1 - usual.shares[::-1, pair]
    count, of = int(sums[more]), int(sums[more] + sums[less])
    odds = math.log((count + 0.5) / (of - count + 0.5))
    return [
        Turned(
            more,
            less,
            count,
            of,
            float(low),
            float(high),
            blocks,
            moved,
            instead,
            odds - float(widest),
        )
    ]


def _goes_on(usual: Usual, kind: int, now: Float64) -> bool:
    """Whether a kind that tells how much work there is comes as often as ever."""
    least, _, most = usual.rates[:, kind]
    return bool(most >= _VARIED * least and least <= now[kind] <= most)


def _groups(a: Float64, b: Float64) -> tuple[Float64, Float64]:
    """The counts of two kinds, of as many blocks in a row as it takes to have lines enough."""
    reached = np.floor(np.cumsum(a + b, axis=0) / ENOUGH)
    number = np.cumsum(np.diff(reached, axis=0, prepend=reached[:1]) > 0, axis=0)
    rows, pairs = a.shape
    cell = (number * pairs + np.arange(pairs)).ravel()
    sums = np.empty((2, rows * pairs))
    sums[0] = np.bincount(cell, a.ravel(), rows * pairs)
    sums[1] = np.bincount(cell, b.ravel(), rows * pairs)
    return sums[0].reshape(rows, pairs), sums[1].reshape(rows, pairs)


def _odds(ones: Float64, others: Float64) -> Float64:
    return np.asarray(np.log((ones + 0.5) / (others + 0.5)), dtype=np.float64)


def _share(odds: Float64) -> Float64:
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def _surprise(ones: Float64, others: Float64, odds: Float64) -> Float64:
    """Minus the log of Chernoff's bound on the chance of so many `ones`, at these odds or lower."""
    of = np.maximum(ones + others, 1.0)
    share, usual = ones / of, _share(odds)
    rest, left = 1 - share, 1 - usual
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(share > 0, share * np.log(share / usual), 0.0)
        lost = np.where(rest > 0, rest * np.log(rest / left), 0.0)
    return np.asarray(np.where(share > usual, of * (kept + lost), 0.0), dtype=np.float64)


def _correlation(lines: Float64) -> Float64:
    """Of the square roots of counts, between kinds; 0 for those that hardly ever vary."""
    rooted = np.sqrt(np.clip(lines, *np.quantile(lines, (_RARE, 1 - _RARE), axis=0)))
    rooted -= rooted.mean(axis=0)
    length = np.sqrt((rooted**2).sum(axis=0))
    length[length < 1e-9] = np.inf
    return np.asarray((rooted.T @ rooted) / np.outer(length, length), dtype=np.float64)
