"""What studies came to: in a list, one by one, and after a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxwatch.store import Layout, Study, read_study, study_names


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What a study came to.

    `objective` is what the best options reach, `usual_objective` what those do that nobody
    searched for; both on windows that neither the models nor the gates know of.
    """

    study: str
    finished: int
    pruned: int
    failed: int
    objective: float | None
    usual_objective: float | None
    best_trial: int | None
    best: Mapping[str, Any]
    next_step: str
    mlflow: str = ""


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One study in a list."""

    study: str
    began: str
    trials: int
    objective: float | None
    usual_objective: float | None


def studies(data: Path) -> list[StudyLine]:
    """All studies of the data folder, by name."""
    folder = Layout(data).models
    return [_line(read_study(folder, name)) for name in study_names(folder)]


def study(data: Path, name: str) -> Study:
    """The study `name`, with all its trials.

    Raises:
        UsageError: there is none.
    """
    return read_study(Layout(data).models, name)


def report_of(study: Study, mlflow: str) -> TuneReport:
    """What `study` came to; `mlflow` says what MLflow was told."""
    best, usual = study.best, study.first
    states = [one.state for one in study.trials]
    return TuneReport(
        study=study.name,
        finished=states.count("finished"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        objective=None if best is None else best.objective,
        usual_objective=None if usual is None else usual.objective,
        best_trial=None if best is None else best.number,
        best={} if best is None else dict(best.values),
        next_step=f"boxwatch train --study {study.name}; or models.study = {study.name!r}",
        mlflow=mlflow,
    )


def _line(study: Study) -> StudyLine:
    best, usual = study.best, study.first
    return StudyLine(
        study=study.name,
        began=study.began,
        trials=len(study.trials),
        objective=None if best is None else best.objective,
        usual_objective=None if usual is None else usual.objective,
    )
