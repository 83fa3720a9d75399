"""Inference requests: sessions of people by day and week rhythm, and programs that never sleep.

Sessions are an inhomogeneous Poisson process (thinned, Lewis and Shedler 1979); requests in a
session and tokens in a request have heavy tails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.sources.simulated.world import Series, Span


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to one service, by end. Times in seconds of the span."""

    start: Series
    end: Series
    prompt: Series  # tokens
    output: Series  # tokens
    model: NDArray[np.int64]  # index into the models of the service
    client: NDArray[np.int64]

    def shifted(self, lead: Series) -> Requests:
        """The same requests, each arriving `lead` seconds earlier."""
        return Requests(
            self.start - lead, self.end, self.prompt, self.output, self.model, self.client
        )


@dataclass(frozen=True, slots=True)
class Demand:
    """Who asks how much. `speeds` are output tokens a second of each model, `mix` its share."""

    sessions_per_hour: float  # at the height of a working day
    program_period_s: float
    speeds: tuple[float, ...]
    mix: tuple[float, ...]

    def times(self, factor: float) -> Demand:
        """The same demand by `factor` times as many people."""
        return replace(self, sessions_per_hour=self.sessions_per_hour * factor)


OLLAMA: Final = Demand(52.0, 60.0, (92.0, 31.0, 240.0), (0.62, 0.26, 0.12))
VLLM: Final = Demand(66.0, 40.0, (41.0,), (1.0,))


def rhythm(hour: Series, weekday: int) -> Series:
    """The share of the busiest rate at an hour of the day: office hours, a smaller evening."""
    day = np.exp(-(((hour - 14.2) / 4.3) ** 2))
    evening = 0.3 * np.exp(-(((hour - 21.0) / 1.6) ** 2))
    return (0.09 + 0.91 * np.minimum(day + evening, 1.0)) * (0.5 if weekday >= 5 else 1.0)


def _session_starts(span: Span, rate_per_hour: float, rng: np.random.Generator) -> Series:
    count = rng.poisson(rate_per_hour * span.seconds / 3600)
    starts = np.sort(rng.uniform(0, span.seconds, count))
    hour = (span.start.hour + span.start.minute / 60 + starts / 3600) % 24
    keep = np.zeros(count, dtype=bool)
    draws = rng.random(count)
    for day in range(span.seconds // 86400 + 2):
        weekday = (span.start.weekday() + day) % 7
        clock_day = (span.start.hour * 3600 + span.start.minute * 60 + starts) // 86400
        keep |= (clock_day == day) & (draws < rhythm(hour, weekday))
    return starts[keep]


def requests(span: Span, demand: Demand, rng: np.random.Generator) -> Requests:
    """All requests to a service in the span."""
    sessions = _session_starts(span, demand.sessions_per_hour, rng)
    counts = np.minimum(1 + np.floor(rng.pareto(1.5, len(sessions)) * 3), 60).astype(np.int64)
    programs = np.arange(rng.uniform(0, demand.program_period_s), span.seconds, 1.0)
    programs = programs[:: max(1, round(demand.program_period_s))]
    total = int(counts.sum())
    size = total + len(programs)

    output = np.clip(rng.lognormal(5.5, 0.85, size), 8, 6000)
    prompt = np.clip(rng.lognormal(6.2, 1.1, size), 20, 30000)
    of_session = np.repeat(rng.choice(len(demand.mix), len(sessions), p=demand.mix), counts)
    model = np.concatenate([of_session, np.zeros(len(programs), dtype=np.int64)])
    output[total:] = np.clip(output[total:] / 3, 8, 400)
    speed = np.array(demand.speeds)[model] * rng.normal(1, 0.06, size)
    duration = 0.15 + prompt / 6000 + output / speed

    # Within a session each request follows the one before it and a pause for reading.
    step = duration[:total] + np.clip(rng.lognormal(3.4, 0.9, total), 2, 900)
    ends_before = np.cumsum(step) - step
    first = np.cumsum(counts) - counts
    offset = ends_before - np.repeat(ends_before[first], counts) if total else ends_before
    program_start = programs + rng.uniform(-0.2, 0.2, len(programs)) * demand.program_period_s
    start = np.concatenate([np.repeat(sessions, counts) + offset, program_start])
    client = np.concatenate(
        [
            np.repeat(rng.integers(10, 60, len(sessions)), counts),
            np.full(len(programs), 5, dtype=np.int64),
        ]
    )
    end = start + duration
    order = np.argsort(end, kind="stable")
    inside = order[(start[order] > 5) & (end[order] < span.seconds - 1)]
    return Requests(
        start[inside], end[inside], prompt[inside], output[inside], model[inside], client[inside]
    )
