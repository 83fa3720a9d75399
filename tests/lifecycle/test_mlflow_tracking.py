"""MLflow is told what the ledger knows, once, with nothing that runs code."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from boxwatch.errors import EnvironmentFault
from boxwatch.models import Saved
from boxwatch.store import Decision, Ledger, save_model

mlflow = pytest.importorskip("mlflow", reason="needs boxwatch[lifecycle]")
tracking = pytest.importorskip("boxwatch.lifecycle.mlflow_tracking")
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports

NAME = "boxwatch-detectors"


@pytest.fixture
def ledger(tmp_path: Path):
    """Two versions, the second champion, and a run that failed."""
    found = Ledger.open(tmp_path, "detectors", writable=True)
    for number in (1, 2):
        trained(found, tmp_path, number)
    found.fail(found.begin({}, {}), "no room left")
    found.give("champion", 2, None, Decision("ann", "better"))
    yield found
    found.close()


def trained(ledger: Ledger, folder: Path, number: int) -> None:
    """A version with one part of `number` values."""
    run = ledger.begin({"seed": number}, {"hosts": ["a"], "features": {"gpu": ["heat"]}})
    artifact = save_model(folder, Saved({"a": np.arange(number)}, {}))
    ledger.finish(run, {"gpu": artifact}, {"training_rows": {"gpu": 100}})


def told(ledger: Ledger, folder: Path):
    """MLflow beside the models, told of everything; a client of it."""
    mirror = tracking.MlflowTracking(None, folder)
    mirror.sync(ledger, "detectors")
    mlflow.set_tracking_uri(mirror.uri)
    mlflow.set_registry_uri(mirror.uri)
    return mlflow.MlflowClient()


def test_runs_versions_and_the_champion_are_told(ledger: Ledger, tmp_path: Path) -> None:
    """Parameters, figures, artifacts, signature, alias, and why a run failed."""
    client = told(ledger, tmp_path)
    champion = client.get_model_version_by_alias(NAME, "champion")
    assert champion.tags["boxwatch.version"] == "v2"
    assert champion.tags["boxwatch.why"] == "better"
    run = client.get_run(champion.run_id)
    assert (run.data.params["recipe.seed"], run.data.metrics["training_rows.gpu"]) == ("2", 100.0)
    info = mlflow.models.get_model_info(f"models:/{NAME}@champion")
    assert info.signature.inputs.input_names() == ["gpu.heat"]
    experiment = client.get_experiment_by_name("boxwatch/detectors").experiment_id
    failed = client.search_runs([experiment], "attributes.status = 'FAILED'")
    assert [one.data.tags["boxwatch.reason"] for one in failed] == ["no room left"]


def test_what_mlflow_has_is_the_model_that_is_watched_with(ledger: Ledger, tmp_path: Path) -> None:
    """The artifacts are the very files, and none of them is a pickle."""
    told(ledger, tmp_path)
    place = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion"))
    parts = ledger.version(2).parts
    for path in (tmp_path / parts["gpu"]).iterdir():
        assert (place / "gpu" / path.name).read_bytes() == path.read_bytes()
    assert {path.suffix for path in place.rglob("*") if path.is_file()} <= {"", ".json", ".npy"}


def test_telling_again_writes_only_what_is_new(ledger: Ledger, tmp_path: Path) -> None:
    """A second sync has nothing to do; a third tells the new version and the new champion."""
    mirror = tracking.MlflowTracking(None, tmp_path)
    mirror.sync(ledger, "detectors")
    assert mirror.sync(ledger, "detectors") == 0
    trained(ledger, tmp_path, 3)
    ledger.give("champion", 3, 2, Decision("ann", "newer"))
    assert mirror.sync(ledger, "detectors") == 1
    client = mlflow.MlflowClient(mirror.uri, mirror.uri)
    assert client.get_model_version_by_alias(NAME, "champion").tags["boxwatch.version"] == "v3"
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 3


def test_a_server_that_cannot_be_reached_costs_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so; the ledger stands, and the next sync tells everything."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(EnvironmentFault, match="models sync"):
        tracking.MlflowTracking("http://127.0.0.1:9", tmp_path).sync(ledger, "detectors")
    assert ledger.holder("champion") == 2
    assert tracking.MlflowTracking(None, tmp_path).sync(ledger, "detectors") == 3


def test_addresses_are_not_left_in_the_environment(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What MLflow puts there is taken back: the next command would take it for a person's own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://mine")
    tracking.MlflowTracking(None, tmp_path).sync(ledger, "detectors")
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert os.environ["MLFLOW_REGISTRY_URI"] == "http://mine"
