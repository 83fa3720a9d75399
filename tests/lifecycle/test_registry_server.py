"""A real MLflow server with PostgreSQL and an S3 store is told all there is to be told."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import numpy as np
import pytest
from tests.testbed.registry import BUCKET, NoRegistry, registry

from boxwatch.models import Saved
from boxwatch.store import Decision, Ledger, Study, Trial, load_model, save_model

mlflow = pytest.importorskip("mlflow", reason="needs boxwatch[lifecycle]")
tracking = pytest.importorskip("boxwatch.lifecycle.mlflow_tracking")
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports

NAME = "boxwatch-detectors"
USUAL = {"pca.trim": 0.02}


@pytest.fixture(scope="module")
def server():
    """A server of this module's own, and its S3 store."""
    try:
        with registry() as found:
            yield found
    except NoRegistry as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def told(server, tmp_path_factory: pytest.TempPathFactory):
    """A folder of two versions, the second champion, the first refused; all of it told."""
    folder = tmp_path_factory.mktemp("models")
    ledger = Ledger.open(folder, "detectors", writable=True)
    for number in (1, 2):
        run = ledger.begin({"seed": number}, {"hosts": ["a"], "features": {"gpu": ["heat"]}})
        artifact = save_model(folder, Saved({"a": np.arange(number)}, {}))
        ledger.finish(run, {"gpu": artifact}, {"training_rows": {"gpu": 100}})
    ledger.fail(ledger.begin({}, {}), "no room left")
    ledger.give("champion", 2, None, Decision("ann", "better"))
    ledger.give("challenger", 1, None, Decision("ann", "to see"))
    ledger.refuse("champion", 1, Decision("ann", "too slow"))
    mirror = tracking.MlflowTracking(server[0], folder)
    assert mirror.sync(ledger, "detectors") == 3
    yield mirror, ledger, folder
    ledger.close()


@pytest.fixture
def client(told):
    """A client of the server."""
    return mlflow.MlflowClient(tracking_uri=told[0].uri, registry_uri=told[0].uri)


def test_runs_have_parameters_figures_and_how_they_ended(told, client) -> None:
    """In an experiment of the task's name."""
    experiment = client.get_experiment_by_name("boxwatch/detectors").experiment_id
    found = {one.info.run_name: one for one in client.search_runs([experiment])}
    assert found["v2"].data.params["recipe.seed"] == "2"
    assert found["v2"].data.metrics["training_rows.gpu"] == 100.0
    assert found["run 3"].info.status == "FAILED"
    assert found["run 3"].data.tags["boxwatch.reason"] == "no room left"


def test_versions_have_aliases_and_their_state_as_tags(told, client) -> None:
    """Who is champion and challenger, who was refused, and why."""
    champion = client.get_model_version_by_alias(NAME, "champion")
    challenger = client.get_model_version_by_alias(NAME, "challenger")
    assert (champion.tags["boxwatch.version"], champion.tags["boxwatch.state"]) == (
        "v2", "promoted",
    )  # fmt: skip
    assert challenger.tags["boxwatch.state"] == "refused"
    assert challenger.tags["boxwatch.why"] == "too slow"


def test_a_version_is_a_logged_model_with_a_signature(told, client) -> None:
    """READY, of its run, and with the columns that each part reads."""
    version = client.get_model_version_by_alias(NAME, "champion")
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert str(model.status) == "READY"
    assert model.source_run_id == version.run_id
    mlflow.set_tracking_uri(told[0].uri)
    info = mlflow.models.get_model_info(f"models:/{NAME}@champion")
    assert info.signature.inputs.input_names() == ["gpu.heat"]


def test_artifacts_lie_in_the_s3_store_and_are_the_models_that_are_watched_with(
    told, server, tmp_path: Path
) -> None:
    """They come back to the last bit, and load without anything that runs code."""
    listed = urllib.request.urlopen(f"{server[1]}/{BUCKET}?list-type=2", timeout=60).read()
    assert b"manifest.json" in listed
    assert b".pkl" not in listed
    mlflow.set_tracking_uri(told[0].uri)
    place = mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion", dst_path=str(tmp_path))
    artifact = told[1].version(2).parts["gpu"]
    (Path(place) / "gpu").rename(tmp_path / artifact)
    assert np.array_equal(load_model(tmp_path, artifact).arrays["a"], np.arange(2))


def test_a_study_is_a_run_with_nested_runs(told, client) -> None:
    """One for each trial, with what was tried and what it reached; told once."""
    trials = (
        Trial(0, "finished", USUAL, 0.5, (0.4, 0.5), 1.0),
        Trial(1, "pruned", {"pca.trim": 0.1}, None, (0.1,)),
    )
    study = Study("s", "detectors", "found", "2026-03-01T00:00:00+00:00", {}, USUAL, trials)
    assert told[0].sync_studies([study], "detectors") == 2
    assert told[0].sync_studies([study], "detectors") == 0
    experiment = client.get_experiment_by_name("boxwatch/detectors").experiment_id
    (parent,) = client.search_runs([experiment], "tags.`boxwatch.study` = 's'")
    nested = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert {one.data.tags["boxwatch.state"] for one in nested} == {"finished", "pruned"}
    assert {one.data.params["pca.trim"] for one in nested} == {"0.02", "0.1"}
    assert parent.data.metrics["best.objective"] == 0.5


def test_telling_again_writes_nothing_twice(told, client) -> None:
    """A second sync has nothing to do, a later champion is told."""
    mirror, ledger, _ = told
    assert mirror.sync(ledger, "detectors") == 0
    ledger.give("champion", 1, 2, Decision("ann", "back"))
    assert mirror.sync(ledger, "detectors") == 0
    assert client.get_model_version_by_alias(NAME, "champion").tags["boxwatch.version"] == "v1"
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 2
