"""One GPU as a lump of metal with a fan: load in, power, heat, clocks and counters out.

First-order thermal model: C dT/dt = P - (T - ambient) / R(fan). The figures here are those of a
300 W workstation card (about 78 C at full load in a 26 C room, time constant about a minute); what
other cards do differently stands in their `CardModel`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.sources.simulated.card_model import CardModel
from boxwatch.sources.simulated.world import Card, Series, Span

_ASKED_OF_W: Final = 300.0  # what the work asks for is in watts of a card with this limit
_IDLE_AFTER_S: Final = 9
_HEAT_J_PER_K: Final = 340.0
_HALVE_K: Final = 7.0  # so far above the heat at which the driver slows, the hardware halves clocks
_POWER_LAW: Final = 1.8  # dynamic power over clock: voltage falls with it

IDLE: Final = 0x1
SW_POWER_CAP: Final = 0x4
HW_SLOWDOWN: Final = 0x8
SW_THERMAL: Final = 0x20
HW_THERMAL: Final = 0x40
HW_POWER_BRAKE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Readings:
    """What the sensors of one card read, second by second."""

    temperature: Series
    power: Series
    fan: Series
    clock: Series
    reasons: Series
    idle: Series  # 1 in pstate P8


def run(card: Card, model: CardModel, ambient: Series, noise: Series) -> Readings:
    """Step through the span: heat, fan and clocks depend on each other, so one second at a time."""
    state = _State(float(ambient[0]) + 9.0, model)
    caps = (card.fan_cap, card.clock_cap, card.pinned, card.limit)
    columns = (card.util, card.watts, ambient, *caps, noise)
    rows = [state.step(row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return Readings(*np.array(rows).T)


class _State:
    def __init__(self, temperature: float, model: CardModel) -> None:
        self.temperature = temperature
        self.model = model
        self.fan = 0.30
        self.idle_for = 0
        self.thermal = 1.0

    def step(self, drive: tuple[float, ...]) -> tuple[float, float, float, float, float, float]:
        """One second under `drive`: a row of the columns that `run` names."""
        util, watts, ambient, fan_cap, brake, pinned, cap, noise = drive
        model = self.model
        limit = model.limit_w * cap
        self.idle_for = 0 if util > 0.01 else self.idle_for + 1
        idle = self.idle_for > _IDLE_AFTER_S
        share, reasons = self._limits(brake, at_work=util > 0.01)
        share = min(share, pinned)
        dynamic = watts * (model.limit_w / _ASKED_OF_W) * share**_POWER_LAW
        floor = model.rest_w if idle else model.floor_w * (0.5 + 0.5 * share)
        if floor + dynamic > limit:
            share *= (max(limit - floor, 0.02 * dynamic) / dynamic) ** (1 / _POWER_LAW)
            dynamic = max(limit - floor, 0.02 * dynamic)
            reasons |= SW_POWER_CAP
        power = min((floor + dynamic) * (1 + 0.012 * noise), limit + 3.5)
        self._heat(power, ambient, fan_cap)
        if idle:
            return (self.temperature, power, self.fan, model.sm_idle_mhz, reasons | IDLE, 1.0)
        clock = model.sm_work_mhz * share
        return (self.temperature, power, self.fan, clock, reasons, 0.0)

    def _limits(self, brake: float, *, at_work: bool) -> tuple[float, int]:
        over = self.temperature - self.model.slow_c
        if over > 0:
            self.thermal = max(0.3, self.thermal - 0.012 * over)
        else:
            self.thermal = min(1.0, self.thermal + 0.004 * min(-over, 3.0))
        share, reasons = self.thermal, 0
        if self.thermal < 1.0 and at_work:
            reasons |= SW_THERMAL
        if self.temperature >= self.model.slow_c + _HALVE_K:
            share = min(share, 0.45)
            reasons |= HW_THERMAL | HW_SLOWDOWN
        if brake < 1.0:
            share = min(share, brake)
            reasons |= HW_POWER_BRAKE | HW_SLOWDOWN
        return share, reasons

    def _heat(self, power: float, ambient: float, fan_cap: float) -> None:
        wanted = 0.30 + 0.55 * min(max((self.temperature - 48) / 40, 0.0), 1.0)
        self.fan += 0.12 * (min(wanted, fan_cap) - self.fan)
        resistance = (0.085 + 0.062 / (self.fan + 0.045)) * self.model.cooling
        flow = (self.temperature - ambient) / resistance
        self.temperature += (power - flow) / (_HEAT_J_PER_K * self.model.limit_w / _ASKED_OF_W)


def ambient(span: Span, room_c: float, rng: np.random.Generator) -> Series:
    """The air at the intake: warmest in the afternoon, a little restless."""
    drift = np.cumsum(rng.normal(0, 0.004, span.seconds))
    drift -= drift.mean()
    day = 1.6 * np.cos(2 * np.pi * (span.hour_of_day() - 16) / 24)
    return room_c + day + np.clip(drift, -1.2, 1.2)


def counter_micros(reasons: Series, bit: int) -> Series:
    """Microseconds for which a clock event reason was in force, as the driver counts."""
    active = (reasons.astype(np.int64) & bit) > 0
    return np.cumsum(active * 1e6)


def restarted(counter: Series, resets: list[int]) -> Series:
    """`counter` with its zero moved to each reset."""
    out = counter.copy()
    for at in sorted(resets):
        before = counter[at - 1] if at > 0 else 0.0
        out[at:] = counter[at:] - before
    return out
