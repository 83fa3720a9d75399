"""Versions of the detectors: trained, refused or promoted, rolled back, made again, compared."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.wiring.command import Answer, boxwatch, finish, start, well

from boxwatch.detections import Severity
from boxwatch.features import VIEWS
from boxwatch.incidents import Incident, State
from boxwatch.models import Saved
from boxwatch.settings import Settings
from boxwatch.store import (
    Decision,
    EventStore,
    Layout,
    Ledger,
    StateStore,
    load_model,
    model_versions,
    read_champions,
    save_model,
)
from boxwatch.wiring.detector_task import DetectorTask

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
HOST = VIEWS["host"]
ROWS = 1_800


def windows(seed: int, began: datetime = BEGAN, rows: int = ROWS) -> pl.DataFrame:
    """Windows of one quiet host: each feature around a level of its own."""
    drawn = np.random.default_rng(seed)
    level = np.linspace(0.2, 0.8, len(HOST.columns))
    values = level + np.array([one.spread for one in HOST.features]) * drawn.normal(
        0.0, 0.5, (rows, len(HOST.columns))
    )
    times = [began + timedelta(seconds=HOST.window_s * number) for number in range(rows)]
    frame = pl.DataFrame(
        {
            "host": ["a"] * rows,
            "view": ["host"] * rows,
            "entity": ["host"] * rows,
            "start": times,
            "end": [one + timedelta(seconds=HOST.window_s) for one in times],
            "coverage": [1.0] * rows,
            **{name: values[:, at] for at, name in enumerate(HOST.columns)},
        }
    )
    return frame.cast(dict(HOST.schema))


def cut(data: Path, frame: pl.DataFrame) -> None:
    """Put `frame` where `boxwatch features` puts windows of the host."""
    folder = data / "features" / "host"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "0000.parquet")


def happened(data: Path, start: datetime, minutes: int) -> None:
    """An incident of the host."""
    one = Incident(
        "i1", "a", "host", start, start + timedelta(minutes=minutes), State.RESOLVED,
        Severity.HIGH, "The disk is full", (), "Free some room.", (),
    )  # fmt: skip
    with StateStore.open(data) as store:
        store.checkpoint(0, {}, [one])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with windows, in which nothing was trained."""
    return made(tmp_path / "data")


def made(folder: Path) -> Path:
    """A data folder with windows at `folder`."""
    EventStore.open(folder, writable=True).close()
    StateStore.open(folder).close()
    cut(folder, windows(1))
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with v1 in use; only to be copied."""
    folder = made(tmp_path_factory.mktemp("life") / "data")
    well("train", "--data", folder)
    return folder


@pytest.fixture
def trained(first: Path, tmp_path: Path) -> Path:
    """A data folder with v1 in use."""
    return Path(shutil.copytree(first, tmp_path / "data"))


def refusals(answer: Answer) -> dict[str, str]:
    """The gates that refused, with their reasons."""
    return {one["gate"]: one["text"] for one in answer.json["gates"] if not one["passed"]}


def champion(data: Path) -> str:
    """The version in use, as `models list` has it."""
    found = well("models", "list", "--data", data, "--json").json
    return next(one["version"] for one in found if one["role"] == "champion")


@pytest.mark.parametrize(("opinion", "excluded"), [("real", 1), ("false", 0), ("expected", 0)])
def test_labels_decide_what_is_learned_from(data: Path, opinion: str, excluded: int) -> None:
    """The time of a real incident is left out, that of a false or an expected one is not."""
    happened(data, BEGAN + timedelta(minutes=60), 10)
    well("incidents", "label", "i1", opinion, "--data", data)
    task = DetectorTask(Settings(), data)
    assert len(task.select().description["excluded"]) == excluded


def test_the_first_version_is_put_in_use(data: Path) -> None:
    """Training makes v1, the gates say what they saw, the watcher's file names its models."""
    report = well("train", "--data", data, "--json").json
    assert (report["version"], report["champion"], report["before"]) == ("v1", True, "nobody")
    assert refusals(boxwatch("train", "--data", data, "--json")) == {}
    assert read_champions(Layout(data).models)["host"] == report["models"][0]["version"]


def test_a_version_tells_what_it_was_made_of(trained: Path) -> None:
    """Time range, host, frozen rows, settings, code; and that it is in use and why."""
    page = well("models", "show", "v1", "--data", trained, "--json").json
    assert page["selection"]["hosts"] == ["a"]
    assert page["selection"]["start"] == BEGAN.isoformat()
    assert page["recipe"]["seed"] == 0
    assert (page["role"], page["changes"][0]["why"]) == ("champion", "the first version")


def test_time_in_incidents_is_not_learned_from(trained: Path) -> None:
    """The windows of an incident and around it are left out, and the page says which."""
    happened(trained, BEGAN + timedelta(hours=1), minutes=10)
    report = well("train", "--data", trained, "--json").json
    assert report["excluded_windows"] == {"host": 14 * 60 // HOST.window_s}
    page = well("models", "show", report["version"], "--data", trained, "--json").json
    assert page["selection"]["excluded"][0]["why"] == "The disk is full"


def test_a_version_that_learned_from_faulty_time_is_refused(trained: Path) -> None:
    """An incident that was found after the training, in its time."""
    well("train", "--data", trained)
    happened(trained, BEGAN + timedelta(hours=1), minutes=10)
    well("models", "rollback", "--data", trained)
    asked = boxwatch("models", "promote", "v2", "--data", trained, "--json")
    assert asked.status == 1
    texts = [one["text"] for one in asked.json["verdicts"] if not one["passed"]]
    assert [text.split(":")[0] for text in texts] == ["trained on faulty time"]
    assert champion(trained) == "v1"


def test_a_version_with_swapped_columns_is_refused_by_name(trained: Path) -> None:
    """Two features that changed places between two trainings."""
    first, last = HOST.columns[0], HOST.columns[-1]
    swapped = windows(2).rename({first: last, last: first}).select(*HOST.schema)
    cut(trained, swapped)
    report = well("train", "--data", trained, "--json").json
    assert (
        f"{first!r} looks like {last!r}"
        in refusals(Answer(0, __import__("json").dumps(report), ""))["columns"]
    )
    assert champion(trained) == "v1"


def test_a_version_that_looks_the_wrong_way_is_refused(trained: Path) -> None:
    """Its spreads are negative: what is high looks low to it."""
    models = Layout(trained).models
    with_ledger = Ledger.open(models, "detectors", writable=True)
    run = with_ledger.version(1)
    sound = load_model(models, run.parts["host"])
    spread = next(name for name in sound.arrays if name.endswith("/spread"))
    poisoned = Saved({**sound.arrays, spread: -sound.arrays[spread]}, sound.meta)
    number = with_ledger.begin(run.recipe, run.selection)
    parts = {**run.parts, "host": save_model(models, poisoned)}
    version = with_ledger.finish(number, parts, {})
    with_ledger.close()
    asked = boxwatch("models", "promote", f"v{version}", "--data", trained, "--json")
    failed = {one["gate"] for one in asked.json["verdicts"] if not one["passed"]}
    assert {"quality", "faults: host", "reproducible"} <= failed


def test_force_needs_a_reason_and_is_told(trained: Path) -> None:
    """Without one it is a usage error; with one the history has it."""
    well("train", "--data", trained)
    happened(trained, BEGAN + timedelta(hours=1), minutes=10)
    well("models", "rollback", "--data", trained)
    assert boxwatch("models", "promote", "v2", "--force", "--data", trained).status == 2
    well("models", "promote", "v2", "--force", "--reason", "a drill", "--data", trained)
    newest = well("models", "history", "--data", trained, "--json").json[0]
    assert newest["why"] == "forced: a drill"
    assert champion(trained) == "v2"


def test_a_version_is_made_again_to_the_last_bit(trained: Path) -> None:
    """From its own rows, though the windows of the folder are others by now."""
    cut(trained, windows(5))
    assert well("models", "reproduce", "v1", "--data", trained, "--json").json["same"]


@pytest.mark.filterwarnings("ignore")  # of MLflow, and of what it imports
def test_mlflow_is_told_or_said_to_be_missing(trained: Path) -> None:
    """With boxwatch[lifecycle] the run is written once; without, what to install is said."""
    answer = boxwatch("models", "sync", "--data", trained, "--json")
    if importlib.util.find_spec("mlflow") is None:
        assert (answer.status, "boxwatch[lifecycle]" in answer.err) == (3, True)
    else:
        assert answer.json["runs"] == 1
        assert well("models", "sync", "--data", trained, "--json").json["runs"] == 0


def test_nothing_trained_is_said_to_be_so(data: Path) -> None:
    """Asking of versions makes no ledger."""
    for words in (("models", "list"), ("models", "show", "v1"), ("drift", "report")):
        assert boxwatch(*words, "--data", data).status == 3
    assert not (Layout(data).models / "ledger.db").exists()


@pytest.mark.parametrize("version", ["v0", "7x", "newest"])
def test_what_is_no_version_is_refused(trained: Path, version: str) -> None:
    """With what would be one."""
    answer = boxwatch("models", "show", version, "--data", trained)
    assert answer.status == 2
    assert "v1, v2" in answer.err


def test_a_training_that_was_killed_is_lost_and_leaves_the_champion(trained: Path) -> None:
    """Kill -9 once it has begun: the next training goes on, and the ledger tells."""
    child = start("train", "--data", trained)
    while child.poll() is None and len(_runs(trained)) < 2:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    finish(child)
    well("train", "--data", trained)
    newest, killed, _ = _runs(trained)
    assert (newest["state"], killed["state"]) == ("finished", "lost")
    assert champion(trained) == newest["version"]
    assert set(read_champions(Layout(trained).models).values()) <= set(
        model_versions(Layout(trained).models)
    )


def _runs(data: Path) -> list[dict[str, str]]:
    return well("models", "list", "--data", data, "--json").json


def test_a_hundred_versions_are_listed(trained: Path) -> None:
    """All of them, the newest first."""
    ledger = Ledger.open(Layout(trained).models, "detectors", writable=True)
    run = ledger.version(1)
    for _ in range(99):
        ledger.finish(ledger.begin(run.recipe, run.selection), run.parts, {})
    ledger.give("challenger", 100, None, Decision("ann", "to see"))
    ledger.close()
    found = _runs(trained)
    assert [one["version"] for one in found] == [f"v{number}" for number in range(100, 0, -1)]
    assert found[0]["role"] == "challenger"


def test_windows_like_those_learned_from_have_not_drifted(trained: Path) -> None:
    """A later day of the same kind."""
    cut(trained, windows(9, BEGAN + timedelta(days=1)))
    report = well("drift", "report", "--data", trained, "--json").json
    assert (report["kind"], report["moved"]) == ("none", [])
    assert report["version"] == "v1"


def test_what_moved_is_named_and_can_fail_a_script(trained: Path) -> None:
    """A host that became busier for good; its incidents would not count."""
    later = windows(9, BEGAN + timedelta(days=1)).with_columns(pl.col("cpu_busy") + 0.5)
    cut(trained, later)
    answer = boxwatch("drift", "report", "--fail-on-drift", "--data", trained, "--json")
    assert answer.status == 1
    assert [one["feature"] for one in answer.json["moved"]] == ["cpu_busy"]
    assert answer.json["priority"] == "P2"
    happened(trained, BEGAN + timedelta(days=1), minutes=24 * 60)
    assert well("drift", "report", "--data", trained, "--json").json["moved"] == []
