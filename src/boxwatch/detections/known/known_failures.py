"""The known-failure rules at work: events in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from boxwatch.detections.detection import Detection, Reason
from boxwatch.detections.known.away import Away
from boxwatch.detections.known.line_findings import LineFindings
from boxwatch.detections.known.lines import LineScreen
from boxwatch.detections.known.names import Names, in_words
from boxwatch.detections.known.reading_findings import RuleReadings
from boxwatch.detections.known.readings import Readings
from boxwatch.detections.known.rules import RULES, Override, with_overrides
from boxwatch.detections.known.users import Users
from boxwatch.events.schema import LOGS, SAMPLES, Events, check


class KnownFailures:
    """Finds known failures in logs and readings; says so once, when it grows, and when it ends.

    `overrides` change or switch off rules by id. `pci_to_gpu` maps PCI addresses to GPU indices
    where the stream does not tell. What is found depends on the events and their order, not on
    how they are cut into batches; a reading (all samples of one entity at one instant) must come
    in one batch.
    """

    def __init__(
        self,
        overrides: Mapping[str, Override | Mapping[str, object]] | None = None,
        pci_to_gpu: Mapping[str, int | str] | None = None,
    ) -> None:
        rules = with_overrides(RULES, {} if overrides is None else overrides)
        self._names = Names(pci_to_gpu)
        self._users = Users()
        self._screen = LineScreen(rules)
        self._lines = LineFindings(rules, self._names)
        self._readings = Readings()
        self._away = Away()
        self._rules = [RuleReadings(rule, self._away) for rule in rules.values() if rule.condition]

    def add(self, events: Events, now: datetime) -> list[Detection]:
        """Findings that opened, grew or ended with these events and until `now`.

        Raises:
            SchemaError: a table lacks a column or has it in another type.

        """
        logs = check(events.logs, LOGS, "known failures")
        samples = check(events.samples, SAMPLES, "known failures")
        frames = self._readings.add(samples) if samples.height else {}
        if "gpu" in frames:
            self._names.learn_readings(frames["gpu"])
        if "ssh" in frames:
            self._away.learn(frames["ssh"])
        found = self._from_lines(logs) if logs.height else []
        found += self._lines.settle(now)
        found += self._from_readings(frames)
        for rule in self._rules:
            found += rule.settle(now)
        return self.naming_users([self._with_gpus(detection) for detection in _latest(found)])

    def naming_users(self, found: Sequence[Detection]) -> list[Detection]:
        """`found`, whoever found it, with the services that use the card where it is about one."""
        return self._users.naming(found)

    def _from_lines(self, logs: pl.DataFrame) -> list[Detection]:
        lessons = [*_containers(logs), *_gpus(logs)]
        found: list[Detection] = []
        waiting = sorted(lessons, key=lambda lesson: lesson[0], reverse=True)
        for hit in self._screen.hits(logs):
            while waiting and waiting[-1][0] <= hit.row:
                self._learn(waiting.pop())
            found += self._lines.add(hit)
        while waiting:
            self._learn(waiting.pop())
        return found

    def _learn(self, lesson: tuple[int, str, str, str]) -> None:
        _, what, one, two = lesson
        if what == "gpu":
            self._names.learn_gpu(one, two)
            self._users.learn(one, two)
        else:
            self._names.learn_container(one, two)

    def _from_readings(self, frames: Mapping[str, pl.DataFrame]) -> list[Detection]:
        found: list[Detection] = []
        for kind, frame in frames.items():
            mine = [rule for rule in self._rules if rule.kind == kind]
            if not mine:
                continue
            wide = frame.with_columns(column for rule in mine for column in rule.columns())
            some = wide.select(pl.col(f"bad:{rule.rule.id}").any() for rule in mine).row(0)
            for rule, bad in zip(mine, some, strict=True):
                if bad or rule.concerned:
                    found += rule.add(wide)
        return found

    def _with_gpus(self, found: Detection) -> Detection:
        """A finding about a service with the GPUs that its processes work on."""
        if not found.entity.startswith("service:"):
            return found
        cards = [
            Reason(f"it works on {in_words(gpu, found.host)}", gpu, "utilization_ratio")
            for gpu in self._names.gpus_of(found.host, found.entity)
        ]
        return replace(found, reasons=(*found.reasons, *cards)) if cards else found

    def save(self) -> dict[str, object]:
        """All of the state, JSON-able."""
        return {
            "names": self._names.save(),
            "users": self._users.save(),
            "lines": self._lines.save(),
            "readings": self._readings.save(),
            "away": self._away.save(),
            "rules": {rule.rule.id: rule.save() for rule in self._rules},
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from what `save` described."""
        self._names.load(_table(state, "names"))
        if "users" in state:
            self._users.load(_table(state, "users"))
        self._lines.load(_table(state, "lines"))
        self._readings.load(_table(state, "readings"))
        self._away.load(_table(state, "away") if "away" in state else {})
        rules = _table(state, "rules")
        for rule in self._rules:
            saved = rules.get(rule.rule.id, [])
            rule.load(saved if isinstance(saved, list) else [])


def _table(state: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = state[key]
    if not isinstance(value, Mapping):
        raise TypeError(f"state {key!r} must be a mapping, not {type(value).__name__}")
    return value


def _latest(found: list[Detection]) -> list[Detection]:
    """The last word on each finding, in the order in which they were first spoken of."""
    return list({detection.id: detection for detection in found}.values())


def _containers(logs: pl.DataFrame) -> list[tuple[int, str, str, str]]:
    """The first line of each container that says id and name: (row, "container", id, name)."""
    named = (
        logs.lazy()
        .with_row_index("row")
        .filter(pl.col("container_id").is_not_null() & pl.col("container_name").is_not_null())
        .select("row", pl.lit("container"), "container_id", "container_name")
        .unique(["container_id", "container_name"], keep="first", maintain_order=True)
        .collect()
    )
    return list(named.iter_rows())


def _gpus(logs: pl.DataFrame) -> list[tuple[int, str, str, str]]:
    """Every GPU record with attributes, in order: (row, "gpu", host, attributes)."""
    told = (
        logs.lazy()
        .with_row_index("row")
        .filter((pl.col("source") == "gpu") & pl.col("attributes").is_not_null())
        .select("row", pl.lit("gpu"), "host", "attributes")
        .collect()
    )
    return list(told.iter_rows())
