"""From readings that meet a rule's condition to findings: how long it held, and when it ended.

Only entities with a bad reading, or with a finding that is open, are looked at reading by reading;
everything else stays in columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

import polars as pl

from boxwatch.clock import to_micros
from boxwatch.detections.detection import Detection
from boxwatch.detections.known.away import Away
from boxwatch.detections.known.condition import Condition
from boxwatch.detections.known.conditions import CONDITIONS
from boxwatch.detections.known.findings import SECOND, Finding, reason
from boxwatch.detections.known.rule import Rule

_STALE: Final = 600 * SECOND  # no reading for so long, and what was bad counts as over
_BEGIN: Final = 60 * SECOND  # sources take so long to begin again when their host is back
_Row = Mapping[str, object]


@dataclass(slots=True)
class Spell:
    """A run of bad readings of one entity; a finding once it held long enough."""

    finding: Finding
    readings: int = 0
    opened: bool = False
    well_since: int | None = None
    recent: list[tuple[int, float, float]] = field(default_factory=list)  # time, weight, before


class RuleReadings:
    """The spells of one rule over all entities; those of a host that is `away` are kept."""

    def __init__(self, rule: Rule, away: Away | None = None) -> None:
        self.rule = rule
        self._away = Away() if away is None else away
        self.kind, build = CONDITIONS[rule.condition]
        self.condition: Condition = build(rule.parameters)
        self._spells: dict[tuple[str, str], Spell] = {}

    def columns(self) -> list[pl.Expr]:
        """What this rule needs to know of each reading, named by the rule."""
        worse = self.condition.worse
        return [
            self.condition.bad.fill_null(value=False).alias(f"bad:{self.rule.id}"),
            self.condition.well.fill_null(value=False).alias(f"well:{self.rule.id}"),
            (pl.lit(value=False) if worse is None else worse.fill_null(value=False)).alias(
                f"worse:{self.rule.id}"
            ),
        ]

    @property
    def concerned(self) -> bool:
        """True while some entity has bad readings that are not over."""
        return bool(self._spells)

    def add(self, frame: pl.DataFrame) -> list[Detection]:
        """Take the readings of a wide frame that has the columns of `columns()`."""
        bad = frame.filter(pl.col(f"bad:{self.rule.id}"))
        concerned = set(bad.select("host", "entity").unique().iter_rows()) | set(self._spells)
        if not concerned:
            return []
        out: list[Detection] = []
        for row in self._rows(frame, sorted(concerned)):
            if row["bad"]:
                out += self._bad(row)
            elif row["well"]:
                out += self._well(row)
        return out

    def _rows(self, frame: pl.DataFrame, concerned: Sequence[tuple[str, str]]) -> Sequence[_Row]:
        keys = pl.DataFrame(
            concerned, schema={"host": pl.String, "entity": pl.String}, orient="row"
        )
        weight = self.condition.weight
        return (
            frame.join(keys, on=["host", "entity"], how="semi", maintain_order="left")
            .select(
                "host",
                "entity",
                pl.col("time").dt.timestamp("us").alias("us"),
                *(pl.col(f"{n}:{self.rule.id}").alias(n) for n in ("bad", "well", "worse")),
                *(() if weight is None else (weight.alias("weight"),)),
                pl.struct(self.condition.values or [pl.col("time")]).alias("values"),
            )
            .to_dicts()
        )

    def _bad(self, row: _Row) -> list[Detection]:
        key, instant, out = _key(row), _int(row["us"]), []
        spell = self._spells.get(key)
        if spell is not None and self._stale(spell, instant):
            out = self._end(key)
            spell = None
        if spell is None:
            severity = self.rule.severity.value
            spell = Spell(Finding(self.rule.id, *key, instant, instant, severity))
            self._spells[key] = spell
        found = spell.finding
        found.last, spell.well_since = max(found.last, instant), None
        spell.readings += 1
        found.count = spell.readings
        if row["worse"] and self.rule.worse is not None:
            found.severity = self.rule.worse.value
        before = spell.opened
        spell.opened = self._enough(spell, row) or before
        self._explain(spell, row, went_on=before)
        return out

    def _stale(self, spell: Spell, instant: int) -> bool:
        found = spell.finding
        if self.rule.persistent or self._away.holds(found.host):
            return False
        return abs(instant - self._away.last(found.host, found.last)) > _STALE

    def _enough(self, spell: Spell, row: _Row) -> bool:
        found = spell.finding
        if self.condition.weight is not None:
            return self._heavy(spell, row)
        return self._held(found, found.last) and spell.readings >= self.rule.least_readings

    def _held(self, found: Finding, instant: int) -> bool:
        """True if it held for long enough, as far as it could be known.

        What a source says of itself tells nothing while its host is out of reach, and little
        before it had time to begin again.
        """
        first = found.first
        if self.kind == "source":
            if self._away.holds(found.host):
                return False
            first = self._away.last(found.host, first, _BEGIN)
        return instant - first >= self.rule.sustain_seconds * SECOND

    def _heavy(self, spell: Spell, row: _Row) -> bool:
        values = row["values"]
        before = float(values["before"])  # type: ignore[index]
        window = self.condition.within_seconds * SECOND
        instant, weight = _int(row["us"]), float(row["weight"])  # type: ignore[arg-type]
        spell.recent = [e for e in spell.recent if instant - e[0] <= window]
        spell.recent.append((instant, weight, before))
        if not spell.opened:
            spell.finding.first = spell.recent[0][0]
        return sum(e[1] for e in spell.recent) >= self.condition.least

    def _explain(self, spell: Spell, row: _Row, *, went_on: bool) -> None:
        """Say it in numbers: how it stood when it became a finding, and how it went on."""
        values = dict(row["values"])  # type: ignore[call-overload]
        if spell.recent:
            values["before"] = spell.recent[0][2]
            values["span"] = max(1.0, (_int(row["us"]) - spell.recent[0][0]) / SECOND)
        found = spell.finding
        text = self.rule.reason.format(**values)
        said = reason(text, entity=found.entity, metric=self.condition.metric)
        if not went_on:
            found.reasons = [said]
        elif text != found.reasons[0]["text"]:
            found.reasons = [found.reasons[0], said]

    def _well(self, row: _Row) -> list[Detection]:
        key, instant = _key(row), _int(row["us"])
        spell = self._spells.get(key)
        if spell is None:
            return []
        found = spell.finding
        if self.rule.persistent:
            found.last = max(found.last, instant)
            spell.opened = spell.opened or self._enough(spell, row)
        if not spell.opened and self.condition.weight is None:
            del self._spells[key]
            return []
        spell.well_since = instant if spell.well_since is None else spell.well_since
        if instant - spell.well_since < self.rule.recover_seconds * SECOND:
            return []
        return self._end(key)

    def _end(self, key: tuple[str, str]) -> list[Detection]:
        spell = self._spells.pop(key)
        news = spell.finding.news(closing=True) if spell.opened else None
        return [] if news is None else [news]

    def settle(self, now: datetime) -> list[Detection]:
        """What opened, grew, or ended for want of readings, until `now`."""
        instant, out = to_micros(now), []
        for spell in self._spells.values():
            found = spell.finding
            if self.rule.persistent and not spell.opened:
                spell.opened = self._held(found, instant)
            if not spell.opened:
                continue
            out.append(found.news(closing=self._stale(spell, instant)))
        return [news for news in out if news is not None]

    def save(self) -> list[object]:
        """All spells, JSON-able."""
        return [asdict(spell) for spell in self._spells.values()]

    def load(self, state: Sequence[object]) -> None:
        """Go on from what `save` described."""
        self._spells = {}
        for saved in state:
            fields: dict[str, object] = dict(saved)  # type: ignore[call-overload]
            found = Finding(**fields.pop("finding"))  # type: ignore[arg-type]
            recent = [tuple(e) for e in fields.pop("recent")]  # type: ignore[attr-defined]
            spell = Spell(found, recent=recent, **fields)  # type: ignore[arg-type]
            self._spells[found.host, found.entity] = spell


def _key(row: _Row) -> tuple[str, str]:
    return str(row["host"]), str(row["entity"])


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a time must be an int, not {value!r}")
    return value
