"""One GPU as a lump of metal with a fan: load in, power, heat, clocks and counters out.

First-order thermal model: C dT/dt = P - (T - ambient) / R(fan). The figures are those of a
300 W workstation card (about 78 C at full load in a 26 C room, time constant about a minute).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from boxwatch.sources.simulated.world import Card, Series, Span

LIMIT_W: Final = 300.0
MEMORY_MIB: Final = 46068
SM_MAX_MHZ: Final = 3105
SM_WORK_MHZ: Final = 2745.0
SM_IDLE_MHZ: Final = 210.0
_FLOOR_P0_W: Final = 56.0
_FLOOR_P8_W: Final = 19.0
_IDLE_AFTER_S: Final = 9
_HEAT_J_PER_K: Final = 340.0
_SLOW_C: Final = 90.0  # the driver begins to lower clocks
_HALVE_C: Final = 97.0  # the hardware halves them
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


def run(card: Card, ambient: Series, noise: Series) -> Readings:
    """Step through the span: heat, fan and clocks depend on each other, so one second at a time."""
    state = _State(float(ambient[0]) + 9.0)
    columns = (card.util, card.watts, ambient, card.fan_cap, card.clock_cap, noise)
    rows = [state.step(row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return Readings(*np.array(rows).T)


class _State:
    def __init__(self, temperature: float) -> None:
        self.temperature = temperature
        self.fan = 0.30
        self.idle_for = 0
        self.thermal = 1.0

    def step(self, drive: tuple[float, ...]) -> tuple[float, float, float, float, float, float]:
        """One second under `drive`: a row of the columns that `run` names."""
        util, watts, ambient, fan_cap, brake, noise = drive
        self.idle_for = 0 if util > 0.01 else self.idle_for + 1
        idle = self.idle_for > _IDLE_AFTER_S
        share, reasons = self._limits(brake, at_work=util > 0.01)
        dynamic = watts * share**_POWER_LAW
        floor = _FLOOR_P8_W if idle else _FLOOR_P0_W * (0.5 + 0.5 * share)
        if floor + dynamic > LIMIT_W:
            share *= ((LIMIT_W - floor) / dynamic) ** (1 / _POWER_LAW)
            dynamic = LIMIT_W - floor
            reasons |= SW_POWER_CAP
        power = min((floor + dynamic) * (1 + 0.012 * noise), LIMIT_W + 3.5)
        self._heat(power, ambient, fan_cap)
        if idle:
            return (self.temperature, power, self.fan, SM_IDLE_MHZ, reasons | IDLE, 1.0)
        clock = SM_WORK_MHZ * share
        return (self.temperature, power, self.fan, clock, reasons, 0.0)

    def _limits(self, brake: float, *, at_work: bool) -> tuple[float, int]:
        over = self.temperature - _SLOW_C
        if over > 0:
            self.thermal = max(0.3, self.thermal - 0.012 * over)
        else:
            self.thermal = min(1.0, self.thermal + 0.004 * min(-over, 3.0))
        share, reasons = self.thermal, 0
        if self.thermal < 1.0 and at_work:
            reasons |= SW_THERMAL
        if self.temperature >= _HALVE_C:
            share = min(share, 0.45)
            reasons |= HW_THERMAL | HW_SLOWDOWN
        if brake < 1.0:
            share = min(share, brake)
            reasons |= HW_POWER_BRAKE | HW_SLOWDOWN
        return share, reasons

    def _heat(self, power: float, ambient: float, fan_cap: float) -> None:
        wanted = 0.30 + 0.55 * min(max((self.temperature - 48) / 40, 0.0), 1.0)
        self.fan += 0.12 * (min(wanted, fan_cap) - self.fan)
        resistance = 0.085 + 0.062 / (self.fan + 0.045)
        flow = (self.temperature - ambient) / resistance
        self.temperature += (power - flow) / _HEAT_J_PER_K


def ambient(span: Span, rng: np.random.Generator) -> Series:
    """The air at the intake: warmest in the afternoon, a little restless."""
    drift = np.cumsum(rng.normal(0, 0.004, span.seconds))
    drift -= drift.mean()
    day = 1.6 * np.cos(2 * np.pi * (span.hour_of_day() - 16) / 24)
    return 25.5 + day + np.clip(drift, -1.2, 1.2)


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
