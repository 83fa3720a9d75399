"""When each fault comes: seeded order, times, lengths and severities, never two at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.sources.simulated.fault import FaultKind, Window
from boxwatch.sources.simulated.traffic import rhythm
from boxwatch.sources.simulated.world import Span, stream

APART_S: Final = 25 * 60
QUIET_S: Final = 2 * 3600
_TAIL_S: Final = 600  # the last fault is over some time before the recording ends


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault with its window."""

    kind: FaultKind
    window: Window


def quiet_seconds(span: Span) -> int:
    """Commissioning time: two hours, or a quarter of a shorter run."""
    return int(min(QUIET_S, span.seconds / 4))


def plan(span: Span, seed: int, kinds: list[FaultKind]) -> list[Planned]:
    """As many of `kinds` as fit, each once; a long run goes through them again, day by day."""
    rng = stream(seed, "schedule")
    wanted = _in_random_order(kinds, max(1, round(span.seconds / 86400)), rng)
    lengths = [int(60 * rng.uniform(*kind.minutes)) for kind in wanted]
    room = span.seconds - quiet_seconds(span) - _TAIL_S
    while wanted and sum(lengths) + APART_S * (len(wanted) - 1) > room:
        wanted.pop()
        lengths.pop()
    if not wanted:
        return []
    slack = room - sum(lengths) - APART_S * (len(wanted) - 1)
    waits = slack * rng.dirichlet(np.ones(len(wanted) + 1))[:-1]
    severities = rng.uniform(0, 1, len(wanted))
    windows = _windows(span, lengths, waits.tolist())
    order = _busy_first(span, wanted, windows)
    return [
        Planned(kind, Window(*window, float(severity), stream(seed, f"fault:{number}:{kind.name}")))
        for number, (kind, window, severity) in enumerate(
            zip(order, windows, severities, strict=True)
        )
    ]


def _in_random_order(
    kinds: list[FaultKind], rounds: int, rng: np.random.Generator
) -> list[FaultKind]:
    if not kinds:
        return []
    return [kinds[i] for _ in range(rounds) for i in rng.permutation(len(kinds)).tolist()]


def _windows(span: Span, lengths: list[int], waits: list[float]) -> list[tuple[int, int]]:
    windows = []
    at = float(quiet_seconds(span))
    for length, wait in zip(lengths, waits, strict=True):
        at += wait
        windows.append((int(at), int(at) + length))
        at += length + APART_S
    return windows


def _busy_first(
    span: Span, wanted: list[FaultKind], windows: list[tuple[int, int]]
) -> list[FaultKind]:
    """Trade places so that faults which only show under load come when there is load.

    A window keeps its length, so two kinds trade only if the length suits both.
    """
    middles = np.array([(start + end) / 2 for start, end in windows])
    hour = (span.start.hour + span.start.minute / 60 + middles / 3600) % 24
    load = rhythm(hour, span.start.weekday())
    order = list(wanted)
    for place in np.argsort(load, kind="stable").tolist():
        kind = order[place]
        if not kind.needs_load or load[place] >= 0.35:
            continue
        for other in np.argsort(-load, kind="stable").tolist():
            guest = order[other]
            if load[other] < 0.35:
                break
            if (
                not guest.needs_load
                and _suits(kind, windows[other])
                and _suits(guest, windows[place])
            ):
                order[place], order[other] = guest, kind
                break
    return order


def _suits(kind: FaultKind, window: tuple[int, int]) -> bool:
    low, high = kind.minutes
    return 60 * low - 1 <= window[1] - window[0] <= 60 * high + 1
