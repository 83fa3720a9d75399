"""Cards of versions, two versions side by side, and what is removed of old ones."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tests.wiring.command import boxwatch, well
from tests.wiring.test_model_life import BEGAN, cut, happened, made, windows

from boxwatch.store import Layout, Ledger, Study, WriterLock, model_versions, write_study

ROWS = 2_400  # enough for a tenth to be judged by, without those of an incident


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with v1 and v2; only to be copied."""
    folder = made(tmp_path_factory.mktemp("pages") / "data")
    happened(folder, BEGAN + timedelta(hours=1), minutes=10)
    for seed in (1, 2):
        cut(folder, windows(seed, rows=ROWS))
        well("train", "--data", folder)
    return folder


@pytest.fixture
def data(first: Path, tmp_path: Path) -> Path:
    """A data folder with v1 and v2, v2 in use."""
    return Path(shutil.copytree(first, tmp_path / "data"))


def rows_of(data: Path, version: int) -> Path:
    """The file of the rows that a version learned from."""
    name = _run(data, version).selection["rows"]["host"]
    return Layout(data).models / "rows" / f"{name}.parquet"


def _run(data: Path, version: int):
    ledger = Ledger.open(Layout(data).models, "detectors", writable=False)
    try:
        return ledger.version(version)
    finally:
        ledger.close()


def test_a_card_says_what_a_version_watches_learned_and_was_asked(data: Path) -> None:
    """Without a version it is that of the one in use."""
    card = well("models", "card", "--data", data, "--json").json
    assert (card["version"], card["facts"]["standing"]) == ("v2", "in use (champion)")
    (part,) = card["parts"]
    assert (part["view"], part["entities"], "robust_z" in part["detectors"]) == ("host", 1, True)
    assert 0.0 < part["alarm_at"] < 0.01
    assert card["excluded"][0]["why"] == "The disk is full"
    assert {"schema", "quality", "faults: host"} <= {one["gate"] for one in card["gates"]}
    assert any("last 10%" in text for text in card["limits"])


def test_a_card_tells_figures_with_intervals_and_what_is_missed(data: Path) -> None:
    """Of faults put into windows that it did not learn from."""
    card = well("models", "card", "v2", "--data", data, "--json").json
    gates = {one["gate"]: one for one in card["gates"]}
    assert re.fullmatch(r"\S+ to \S+", gates["faults: host"]["interval"])
    for one in card["faults"]:
        assert 0.0 <= one["low"] <= one["found"] / one["of"] <= one["high"] <= 1.0
    assert {one["strength"] for one in card["faults"]} == {"6", "12", "24"}
    shares = [share for _, share in card["missed"]]
    assert shares == sorted(shares)
    assert all(share < 1.0 for share in shares)


def test_a_card_is_markdown_or_a_page_that_stands_alone(data: Path, tmp_path: Path) -> None:
    """Both say the same."""
    text = well("models", "card", "v1", "--data", data).out
    assert text.startswith("# Model card: v1")
    well("models", "card", "v1", "--html", tmp_path / "card.html", "--data", data)
    page = (tmp_path / "card.html").read_text()
    assert not re.search(r"<script|<link|<img|src=|https?://", page)
    for heading in re.findall(r"^## (.*)$", text, re.MULTILINE):
        assert f"<h2>{heading}</h2>" in page


def test_a_card_whose_rows_are_gone_says_so(data: Path) -> None:
    """All the rest is told."""
    rows_of(data, 1).unlink()
    card = well("models", "card", "v1", "--data", data, "--json").json
    assert "are not in" in card["unmeasured"][0]
    assert (card["faults"], card["parts"][0]["alarm_at"]) == ([], None)


def test_versions_are_held_against_each_other_on_the_same_windows(data: Path) -> None:
    """Those of the later one, whichever is named first."""
    found = well("models", "compare", "v1", "v2", "--data", data, "--json").json
    turned = well("models", "compare", "v2", "v1", "--data", data, "--json").json
    assert "v2" in found["judged_by"]
    assert found["judged_by"] == turned["judged_by"]
    scores = {one["what"]: one for one in found["scores"] if one["what"] != "processor time"}
    for one in turned["scores"]:
        if one["what"] in scores:
            told = scores[one["what"]]
            assert (told["first"], told["second"]) == (one["second"], one["first"])
    assert "false alarms" in scores
    assert "95 %" in found["quality"]


def test_what_differs_of_recipe_and_data_comes_first(data: Path) -> None:
    """And people see it as a table."""
    found = well("models", "compare", "v1", "v2", "--data", data, "--json").json
    for part in ("recipe", "data", "gates"):
        same = [one["same"] for one in found[part]]
        assert same == sorted(same)
    assert [one["what"] for one in found["data"] if not one["same"]] == ["rows kept as.host"]
    assert "Quality of v2 against v1" in well("models", "compare", "v1", "v2", "--data", data).out


@pytest.mark.parametrize(("one", "other"), [("v1", "v1"), ("v1", "v9")])
def test_what_cannot_be_compared_is_refused(data: Path, one: str, other: str) -> None:
    """One version with itself, and one that is not there."""
    assert boxwatch("models", "compare", one, other, "--data", data).status == 2


@pytest.fixture
def many(data: Path) -> Path:
    """A data folder with v1 to v5, v1, v2 and v5 in use one after the other."""
    ledger = Ledger.open(Layout(data).models, "detectors", writable=True)
    run = ledger.version(1)
    rows = Layout(data).models / "rows"
    for number in (3, 4, 5):
        (rows / f"rows{number}.parquet").write_bytes(b"rows")
        artifact = Layout(data).models / f"model{number}"
        artifact.mkdir()
        (artifact / "manifest.json").write_text("{}")
        selection = {**run.selection, "rows": {"host": f"rows{number}"}}
        ledger.finish(ledger.begin(run.recipe, selection), {"host": artifact.name}, {})
    assert ledger.give("champion", 5, 2, ledger.changes()[0].decision)
    ledger.close()
    return data


def test_what_nobody_needs_is_removed(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what is in use, nor what going back needs; the ledger keeps what it tells."""
    monkeypatch.setenv("BOXWATCH_MODELS__KEEP", "1")
    report = well("models", "prune", "--data", many, "--json").json
    assert (report["rows"], report["artifacts"]) == (3, 2)
    assert rows_of(many, 2).exists()
    assert rows_of(many, 5).exists()
    left = set(model_versions(Layout(many).models))
    for version in (1, 2, 5):
        assert set(_run(many, version).parts.values()) <= left
    assert not {"model3", "model4"} & left
    assert len(well("models", "list", "--data", many, "--json").json) == 5
    assert well("models", "prune", "--data", many, "--json").json["rows"] == 0


def test_going_back_works_after_removing(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice: to v2, and from there to v1."""
    monkeypatch.setenv("BOXWATCH_MODELS__KEEP", "1")
    well("models", "prune", "--data", many)
    for version in (2, 1):
        back = well("models", "rollback", "--data", many, "--json").json
        assert back["version"] == version
        artifacts = _run(many, version).parts.values()
        assert set(artifacts) <= set(model_versions(Layout(many).models))


def test_the_newest_and_those_of_studies_are_kept(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the setting says; 0 keeps all."""
    setting = {"rows": {"host": "rows3"}}
    write_study(Layout(many).models, Study("s", "detectors", "found", "", setting, {}))
    monkeypatch.setenv("BOXWATCH_MODELS__KEEP", "0")
    assert well("models", "prune", "--data", many, "--json").json["rows"] == 0
    monkeypatch.setenv("BOXWATCH_MODELS__KEEP", "2")
    well("models", "prune", "--data", many)
    assert rows_of(many, 3).exists()
    assert rows_of(many, 4).exists()
    assert not rows_of(many, 1).exists()


def test_nothing_is_removed_while_somebody_trains(many: Path) -> None:
    """Their rows are on disk before the ledger names them."""
    lock = WriterLock(Layout(many).models / "training.lock")
    assert boxwatch("models", "prune", "--data", many).status == 3
    lock.release()
    assert boxwatch("models", "prune", "--data", many).status == 0


def test_training_removes_by_itself(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than the setting says."""
    gone = rows_of(data, 1)
    monkeypatch.setenv("BOXWATCH_MODELS__KEEP", "1")
    cut(data, windows(3, rows=ROWS))
    well("train", "--data", data)
    assert not gone.exists()
    assert rows_of(data, 3).exists()
