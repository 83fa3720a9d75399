"""Lines in other proportions, in words: how they were before, and how they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from boxwatch.clock import from_micros
from boxwatch.detections.detection import (
    LATEST,
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.logs.mixture import BLOCK_S, Heard, Mixture
from boxwatch.detections.logs.shares import Turned
from boxwatch.units import print_duration

MIX: Final = "line-mix"

_LONGEST: Final = 90  # characters of a template in a sentence


@dataclass(slots=True)
class Mixed:
    """An open finding about two kinds of line of a service, of which `more` comes more."""

    found: Detection
    more: str
    less: str
    count: int  # lines of `more`,
    of: int  # of both, since it began
    blocks: int  # that took
    low: float  # the widest usual shares
    high: float
    known: int  # blocks before
    cell: int  # the latest block
    gone: bool  # `less` ended, while `more` goes on as it did
    aside: int = 0  # blocks since it opened
    kept: int = 0  # as they should be, since the last one that was not

    def grow(self, heard: Mapping[str, Heard]) -> None:
        """It goes on in one more block."""
        more, less = heard.get(self.more), heard.get(self.less)
        self.count += 0 if more is None else more.count
        self.of += sum(one.count for one in (more, less) if one is not None)
        self.blocks += 1
        self.told(heard)

    def told(self, heard: Mapping[str, Heard]) -> None:
        """Put what is known now into words."""
        end = max(self.found.end, from_micros((self.cell + 1) * BLOCK_S * 1_000_000))
        self.found = replace(self.found, end=end, reasons=self._reasons(heard))

    def _reasons(self, heard: Mapping[str, Heard]) -> tuple[Reason, ...]:
        entity = self.found.entity
        about, beside = (self.less, self.more) if self.gone else (self.more, self.less)
        count, low, high = self.count, self.low, self.high
        if self.gone:
            count, low, high = self.of - self.count, 1 - self.high, 1 - self.low
        text = (
            f"{_short(about)} now makes {_percent(count / self.of)} of these lines and "
            f"{_beside(beside, about)} together ({count:,} of {self.of:,} in "
            f"{print_duration(self.blocks * BLOCK_S)}), usually {_range(low, high)} "
            f"over {print_duration(self.known * BLOCK_S)}"
        )
        metric = "line_with_work" if self.gone else "line_mix"
        one, other = heard.get(about), heard.get(beside)
        reasons = [Reason(text, entity, metric, None if one is None else one.event_id)]
        if one is not None:
            reasons.append(Reason(LATEST, entity, "", one.event_id))
        if other is not None:
            words = f"what it writes beside them: {other.line}"
            reasons.append(Reason(words, entity, "", other.event_id))
        return tuple(reasons)

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return asdict(self) | {"found": to_record(self.found)}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """The finding that `save` described."""
        return cls(**{**saved, "found": from_record(saved["found"])})


def mixed_lines(service: str, known: Mixture, one: Turned, heard: Mapping[str, Heard]) -> Mixed:
    """The finding that two kinds of line of `service` ("host NUL entity") come in other shares."""
    host, _, entity = service.partition("\0")
    more, less = known.kinds[one.more], known.kinds[one.less]
    starts = [heard[kind].first for kind in (more, less) if kind in heard]
    start = from_micros(round(max(starts[:1], default=known.cell * BLOCK_S) * 1e6))
    found = Detection(
        host=host,
        entity=entity,
        start=start,
        end=start,
        open=True,
        kind=Kind.MIX,
        name=MIX,
        severity=Severity.MEDIUM,
    )
    gone = not one.instead and one.moved == one.less
    mixed = Mixed(
        found,
        more,
        less,
        one.count,
        one.of,
        one.blocks,
        one.low,
        one.high,
        known.judged,
        known.cell,
        gone,
    )
    mixed.told(heard)
    return mixed


def _short(kind: str) -> str:
    template, _, status = kind.partition("\0")
    shown = template if len(template) <= _LONGEST else f"{template[: _LONGEST - 1]}…"
    return f"`{shown}`" + (f" with status {status}xx" if status else "")


def _beside(kind: str, other: str) -> str:
    """`kind` after `other`, whose template need not be said twice."""
    template, _, status = kind.partition("\0")
    if template == other.partition("\0")[0]:
        return f"those with status {status}xx" if status else "those without a status"
    return _short(kind)


def _range(low: float, high: float) -> str:
    """The usual shares."""
    if high == 0:
        return "none"
    if _percent(low) == _percent(high):
        return _percent(high)
    return f"{_percent(low).removesuffix(' %')}-{_percent(high)}"


def _percent(share: float) -> str:
    """As many digits as tell it from none and from all."""
    percent = 100 * share
    if 0 < percent < 1 or 99 < percent < 100:
        return f"{percent:.1f} %"
    return f"{percent:.0f} %"
