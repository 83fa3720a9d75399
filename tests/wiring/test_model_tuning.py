"""Options of the detectors searched for, trained with, and gone on with after a kill."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.wiring.command import boxwatch, finish, start, well
from tests.wiring.test_model_life import cut, windows

from boxwatch.errors import UsageError
from boxwatch.store import EventStore, Layout, StateStore, Study, Trial, read_study, write_study
from boxwatch.wiring.study_recipes import recipe_of, space, studied

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="needs boxwatch[lifecycle]"
)
pytestmark = pytest.mark.filterwarnings("ignore")  # Optuna's own, and those of what it imports
ROWS = 3_000  # of the host: enough for detectors that have options


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a study of two trials; only to be copied."""
    folder = made(tmp_path_factory.mktemp("tuning") / "data")
    well("models", "tune", "--trials", 2, "--study", "night", "--data", folder)
    return folder


@pytest.fixture
def tuned(first: Path, tmp_path: Path) -> Path:
    """A data folder with a study of two trials."""
    return Path(shutil.copytree(first, tmp_path / "data"))


def made(folder: Path, rows: int = ROWS) -> Path:
    """A data folder with windows of the host."""
    EventStore.open(folder, writable=True).close()
    StateStore.open(folder).close()
    cut(folder, windows(1, rows=rows))
    return folder


def trials(data: Path, name: str = "night"):
    """The trials of a study, as programs get them."""
    return well("models", "studies", name, "--data", data, "--json").json["trials"]


@needs_optuna
def test_the_usual_options_are_tried_first(tuned: Path) -> None:
    """Each trial says what it tried and what it reached, in three steps."""
    found = trials(tuned)
    assert [one["number"] for one in found] == [0, 1]
    usual = {key: one.usual for key, one in space(courses=False).items()}
    assert found[0]["values"] == usual
    assert [len(one["steps"]) for one in found] == [3, 3]
    assert all(0.0 <= one["objective"] <= 1.0 for one in found)


@needs_optuna
def test_a_study_goes_on_on_the_rows_it_began_with(tuned: Path) -> None:
    """Whatever was stored since; `--trials` counts all of it."""
    before = trials(tuned)
    cut(tuned, windows(7, rows=ROWS + 500))
    answer = well("models", "tune", "--trials", 3, "--study", "night", "--data", tuned, "--json")
    assert answer.json["finished"] == 3
    assert trials(tuned)[:2] == before


@needs_optuna
def test_training_takes_the_best_options_and_says_where_they_come_from(tuned: Path) -> None:
    """They are part of the recipe, and reproduce to the last bit."""
    best = max(trials(tuned), key=lambda one: (one["objective"], -one["number"]))
    well("train", "--study", "night", "--data", tuned)
    recipe = well("models", "show", "v1", "--data", tuned, "--json").json["recipe"]
    assert recipe["study"]["trial"] == best["number"]
    assert recipe["options"] == recipe_of(best["values"])["options"]
    assert well("models", "reproduce", "v1", "--data", tuned, "--json").json["same"]


@needs_optuna
def test_processes_share_a_study(tuned: Path) -> None:
    """Two at once bring it to exactly as many trials as were asked for."""
    child = start(
        "models", "tune", "--trials", 4, "--jobs", 2, "--study", "night", "--data", tuned, "--json"
    )
    answer = finish(child)
    assert answer.status == 0, answer.err
    assert answer.json["finished"] + answer.json["pruned"] == 4
    assert len({str(one["values"]) for one in trials(tuned)}) == 4


@needs_optuna
def test_a_search_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Kill -9 once trials are there: none of them is lost, and no lock stays."""
    data = made(tmp_path / "data")
    child = start("models", "tune", "--trials", 1_000, "--study", "night", "--data", data)
    while child.poll() is None and _ended(data) < 1:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    finish(child)
    before = _ended(data)
    well("models", "tune", "--trials", before + 1, "--study", "night", "--data", data)
    assert _ended(data) >= before + 1
    assert all(one["state"] != "running" for one in trials(data))


@needs_optuna
def test_a_list_and_a_page_tell_of_studies(tuned: Path, tmp_path: Path) -> None:
    """The list by name; the page stands alone."""
    listed = well("models", "studies", "--data", tuned, "--json").json
    assert [(one["study"], one["trials"]) for one in listed] == [("night", 2)]
    well("models", "studies", "night", "--html", tmp_path / "s.html", "--data", tuned)
    text = (tmp_path / "s.html").read_text()
    assert "isolation_forest.sample" in text
    assert "<script" not in text


@needs_optuna
def test_mlflow_is_told_of_a_study_before_there_is_a_version(tuned: Path) -> None:
    """Each trial once."""
    pytest.importorskip("mlflow", reason="needs boxwatch[lifecycle]")
    told = well("models", "sync", "--data", tuned, "--json").json
    assert (told["runs"], told["trials"]) == (0, 2)
    assert well("models", "sync", "--data", tuned, "--json").json["trials"] == 0


@needs_optuna
def test_too_few_windows_are_refused(tmp_path: Path) -> None:
    """Where no detector that has options serves, there is nothing to search."""
    data = made(tmp_path / "data", rows=500)
    answer = boxwatch("models", "tune", "--data", data)
    assert (answer.status, "too few windows" in answer.err) == (2, True)
    assert well("models", "studies", "--data", data, "--json").json == []


def test_without_optuna_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is begun."""
    monkeypatch.setitem(sys.modules, "optuna", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, "boxwatch.lifecycle.search", raising=False)
    data = made(tmp_path / "data")
    answer = boxwatch("models", "tune", "--data", data)
    assert (answer.status, "boxwatch[lifecycle]" in answer.err) == (3, True)
    assert not Layout(data).models.exists()


def test_nobody_else_loads_what_searching_and_telling_need() -> None:
    """Not watching, not training, not the commands that only read: they start without it."""
    program = (
        "import sys; from boxwatch.wiring import compare_versions, model_card, studies, train, "
        "tune, versions, watch; print(*{name.split('.')[0] for name in sys.modules})"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    heavy = {"alembic", "lightning", "mlflow", "optuna", "pandas", "sqlalchemy", "torch"}
    assert "polars" in out.split()
    assert not heavy & set(out.split())


def test_training_with_a_study_that_came_to_nothing_is_refused(tmp_path: Path) -> None:
    """It is no study whose options are as good as the usual ones; nobody knows."""
    trial = Trial(0, "failed", {"courses": False}, None)
    write_study(tmp_path, Study("s", "detectors", "found", "", {}, {}, (trial,)))
    with pytest.raises(UsageError, match="No trial of the study 's'"):
        studied(tmp_path, "s")


def test_training_with_a_study_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    """A usage error."""
    data = made(tmp_path / "data", rows=10)
    answer = boxwatch("train", "--study", "noon", "--data", data)
    assert (answer.status, "none yet" in answer.err) == (2, True)


def _ended(data: Path) -> int:
    """How many trials are told of."""
    folder = Layout(data).models
    if not (folder / "studies" / "night.json").exists():
        return 0
    return sum(one.state != "running" for one in read_study(folder, "night").trials)
