"""MLflow told of the versions and studies: on command, and by itself after what changes them.

By itself only where Boxwatch's own settings name the server: that MLFLOW_TRACKING_URI is set for
other work is no leave to send it anything. What cannot be told is said and costs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch import parts, pulse
from boxwatch.errors import EnvironmentFault
from boxwatch.settings import MLFLOW_VARIABLE, Settings
from boxwatch.store import Layout, Ledger, read_study, study_names
from boxwatch.wiring.detector_task import TASK

_SETTING: Final = "models.tracking_uri"


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Which MLflow was told of how many runs and trials of studies that it did not have."""

    mlflow: str
    runs: int
    trials: int


def sync(settings: Settings, data: Path) -> SyncReport:
    """Tell MLflow what it does not know of versions and studies.

    Raises:
        EnvironmentFault: MLflow is not installed, cannot be reached, or refuses.
    """
    try:
        tracking = parts.load("mlflow")
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"MLflow is not installed: no module {error.name!r}.",
            hint="pip install 'boxwatch[lifecycle]' brings it.",
        ) from error
    folder = Layout(data).models
    ledger = Ledger.open(folder, TASK, writable=False)
    try:
        mirror = tracking(settings.models.tracking_uri, folder)
        runs = mirror.sync(ledger, TASK)
    finally:
        ledger.close()
    found = [read_study(folder, name) for name in study_names(folder)]
    return SyncReport(mirror.uri, runs, mirror.sync_studies(found, TASK))


def tell(settings: Settings, data: Path) -> str:
    """Tell the server that the settings name; what came of it in words, empty where none is named.

    Never raises for what the server does or does not do: training and promotion are done by then.
    """
    if settings.models.tracking_uri is None or settings.where(_SETTING) == MLFLOW_VARIABLE:
        return ""
    try:
        done = sync(settings, data)
    except Exception as error:  # noqa: BLE001 - others' libraries and another machine
        pulse.emit(pulse.PartFailed(part="registry", error=str(error)))
        return str(error)
    return f"{done.mlflow} was told of {done.runs} runs and {done.trials} trials"
