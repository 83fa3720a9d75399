"""What the batch commands say when they are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What one source gave: how many records, and if it did not answer, why."""

    source: str
    records: int
    state: str
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What `collect` brought."""

    files: tuple[str, ...]
    sources: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class NormalizeReport:
    """What `normalize` stored. `skipped` files were not read; `waiting` ones end in half a line."""

    batches: int
    rows: int
    repeated: int
    quarantined: Mapping[str, int]
    skipped: tuple[str, ...]
    waiting: tuple[str, ...]
    exported: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeaturesReport:
    """How many windows there are now, by view."""

    windows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trained:
    """What one view was fitted on, and the artifact that came out."""

    view: str
    windows: int
    entities: int
    detectors: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """What one gate said of a version, and why."""

    gate: str
    passed: bool
    value: float | str
    limit: float | str
    text: str


@dataclass(frozen=True, slots=True)
class TrainReport:
    """The version that came out, whether it is champion now, and what the gates said.

    `without_windows` are views that had none; `excluded_windows`, by view, lie in incidents;
    `mlflow` is what came of telling the server that the settings name.
    """

    version: str
    champion: bool
    before: str
    models: tuple[Trained, ...]
    without_windows: tuple[str, ...]
    excluded_windows: Mapping[str, int]
    gates: tuple[VerdictLine, ...]
    mlflow: str = ""


@dataclass(frozen=True, slots=True)
class DetectReport:
    """How many batches were judged just now, and how many incidents there are in all."""

    batches: int
    incidents: int


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What `record` wrote in this run: batches, rows in them, raw records by folder."""

    recording: str
    batches: int
    rows: int
    records: Mapping[str, int]
