"""collect, normalize, features, train, detect, incidents, check, repair: the way as a whole."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.wiring.command import boxwatch, incidents, well

from boxwatch.settings import load
from boxwatch.wiring import pipeline

# The public export is this table: whoever reads it relies on these names.
UNIFIED = (
    "timestamp", "source", "host", "category", "subtype", "severity", "unit", "container_name",
    "container_id", "message", "gpu_index", "gpu_name", "temperature_gpu_c",
    "utilization_gpu_pct", "memory_used_mb", "memory_total_mb",
)  # fmt: skip


def test_the_export_is_the_unified_table(way):
    """Parquet and JSON lines hold the same rows in the unified columns, all sources in them."""
    folder = way.data / "processed"
    table = pl.read_parquet(folder / "combined_events.parquet")
    assert set(UNIFIED) <= set(table.columns)
    assert table.height > 10_000
    assert {"systemd", "docker", "gpu", "host"} <= set(table["source"])
    assert set(table["category"]) == {"log", "metric", "event"}
    assert table["timestamp"].min() > "2026-05-06T08:59"
    with (folder / "combined_events.jsonl").open() as lines:
        first = json.loads(next(lines))
        assert list(first) == table.columns
        assert sum(1 for _ in lines) == table.height - 1


def test_everything_collected_is_understood(way):
    """No record of the simulated tools is set aside."""
    said = way.said["normalize"].json
    assert said["quarantined"] == {}
    assert said["rows"] > 100_000
    assert said["skipped"] == said["waiting"] == []


def test_every_view_has_windows_and_a_model(way):
    """Three quarters of an hour of two cards are two times 540 windows."""
    windows = way.said["features"].json["windows"]
    assert windows["gpu"] == pytest.approx(1080, abs=4)
    assert windows["host"] == pytest.approx(540, abs=2)
    models = {one["view"]: one for one in way.said["train"].json["models"]}
    assert models.keys() == {"gpu", "host", "service"} == windows.keys()
    learned = {**windows, "service": 0.9 * windows["service"]}  # the rest, where enough, checks it
    assert {view: one["windows"] for view, one in models.items()} == pytest.approx(learned, abs=1)


def test_the_fault_is_found_and_nothing_else(way):
    """One incident, about the card, critical, over."""
    (found,) = incidents(way.data)
    assert found["entity"].startswith("gpu:")
    assert (found["severity"], found["state"]) == ("critical", "resolved")
    assert way.said["detect"].json["incidents"] >= 1


def test_a_second_run_finds_nothing_to_do(data):
    """Each step goes on after the last one."""
    assert well("normalize", "--json", "--data", data).json["rows"] == 0
    detected = well("detect", "--json", "--data", data).json
    listed = well("incidents", "list", "--json", "--data", data).json
    assert detected == {"batches": 0, "incidents": len(listed)}


def test_trained_models_judge_from_the_first_window(way):
    """The models in use are those that were trained: there is no waiting for a baseline."""
    trained = {one["view"]: one["windows"] for one in way.said["train"].json["models"]}
    scorers = pipeline(load(None, {}), way.data).scorers
    assert {name: one.model.windows for name, one in scorers.items()} == trained


def test_an_incident_is_shown_and_reported(way, tmp_path):
    """By the start of its id: on the screen, as Markdown, as one HTML page."""
    (found,) = incidents(way.data)
    name, title = found["id"][:6], found["title"]
    assert title in well("incidents", "show", name, "--data", way.data).out
    for form, begins in (("markdown", "# "), ("html", "<!doctype html>")):
        out = tmp_path / form
        well("incidents", "report", name, "--format", form, "--out", out, "--data", way.data)
        text = out.read_text()
        assert text.lower().startswith(begins)
        assert title in text
        assert "fallen off the bus" in text


def test_findings_fail_a_pipeline_that_asks_for_it(way):
    """`--fail-on` makes the status 1."""
    asked = ("incidents", "list", "--fail-on", "high", "--data", way.data)
    assert boxwatch(*asked).status == 1


def test_a_sound_folder_needs_no_repair(data):
    """Nothing is lost, nothing is put aside, and the incidents are still there."""
    before = incidents(data)
    said = well("repair", "--json", "--data", data).json
    assert (said["aside"], said["lost"]) == (None, [])
    assert incidents(data) == before


def test_this_machine_is_collected_and_checked(tmp_path):
    """Real tools, as far as they are here: what came is understood, what did not says why."""
    said = well("collect", "--json", "--data", tmp_path).json
    assert {one["source"]: one["state"] for one in said["sources"]}["host"] == "ok"
    assert all(one["state"] == "ok" or one["reason"] for one in said["sources"])
    for path in said["files"]:
        with open(path) as lines:
            assert all(isinstance(json.loads(line), dict) for line in lines)
    stored = well("normalize", "--json", "--data", tmp_path).json
    assert stored["rows"] > 0
    assert stored["quarantined"] == {}
    lines = {one["name"]: one["state"] for one in well("check", "--json", "--data", tmp_path).json}
    assert lines["host"] == "ok"
