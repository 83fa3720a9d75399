"""Real drivers, from captures: what each can tell becomes the same metrics, unknown ones with why.

The golden files are written anew by deleting them; then the test says so and fails once.
"""

import json
import os
from pathlib import Path

import pytest

from boxwatch.events import METRICS, normalise

FOLDER = Path(__file__).with_name("captures")
EXCERPTS = sorted(FOLDER.glob("*.txt"))


def whole_captures():
    """The captures that the excerpts were taken from, where they are."""
    data = Path(os.environ.get("BOXWATCH_BENCH_DATA", "/nowhere"))
    return sorted((data / "fixtures" / "nvidia-smi").glob("linux*.txt")) or [None]


@pytest.fixture
def read(smi, source, watch, rows):
    """The first reading of a captured card, and the chunks it came in."""

    def of(capture, **options):
        smi.set(capture=str(capture), cards=1)
        chunks = watch(source(**options), (lambda c: rows(c, "gpu"), None))
        return rows(chunks, "gpu")[0], chunks

    return of


def told(chunks):
    """Metric -> value, or the reason why it is unknown, of the first reading."""
    (chunk,) = [chunk for chunk in chunks if chunk.kind == "gpu"][:1]
    events = normalise(chunk)
    assert events.quarantined.height == 0
    samples = events.samples.filter(events.samples["time"] == events.samples["time"].min())
    return {
        row["metric"]: row["reason"] if row["value"] is None else row["value"]
        for row in samples.sort("metric").iter_rows(named=True)
    }


@pytest.mark.parametrize("capture", EXCERPTS, ids=lambda path: path.stem)
def test_a_real_driver_tells_what_it_told_before(capture, read):
    """Every metric of every captured driver, by the golden file beside it."""
    _, chunks = read(capture)
    found = told(chunks)
    golden = capture.with_suffix(".json")
    if not golden.exists():
        golden.write_text(json.dumps(found, indent=1) + "\n")
        pytest.fail(f"{golden.name} was missing and has been written: look at it")
    assert found == json.loads(golden.read_text())
    assert set(found) <= set(METRICS)


@pytest.mark.parametrize("capture", EXCERPTS, ids=lambda path: path.stem)
def test_what_a_real_driver_tells_is_possible(capture, read):
    """No field shifts: what must be there is, within what a card can be."""
    row, chunks = read(capture)
    found = told(chunks)
    assert row["pstate"].startswith("P")
    assert 0 < found["power_draw_watts"] <= found["power_limit_watts"] * 1.1
    assert found["memory_used_bytes"] <= found["memory_total_bytes"]
    assert 20 <= found["temperature_celsius"] < 100
    assert found["recovery_action"] == 0.0


def test_consumer_cards_say_that_they_have_no_error_correction(read):
    """Unknown for a reason, never zero."""
    (capture,) = FOLDER.glob("*4080*.txt")
    found = told(read(capture)[1])
    assert {found["ecc_corrected_total"], found["remapped_rows_failure"]} == {"[N/A]"}
    assert found["memory_temperature_celsius"] == "N/A"


def test_a_split_card_is_honest_about_its_use(read, rows):
    """With instances its utilisation is unknown; memory, heat, power and processes are known."""
    (capture,) = FOLDER.glob("h100-mig*.txt")
    found = told(read(capture)[1])
    assert (found["mig_enabled"], found["utilization_ratio"]) == (1.0, "[N/A]")
    assert found["memory_used_bytes"] == 11125 * 2**20


def test_processes_of_a_split_card_are_listed(smi, source, watch, rows):
    """With what each holds."""
    (capture,) = FOLDER.glob("h100-mig*.txt")
    smi.set(capture=str(capture), cards=1)

    def used(chunks):
        return [row for row in rows(chunks, "gpu_events") if row["what"] == "processes"]

    chunks = watch(source(processes_every_s=0.05), (used, None))
    held = {one["name"]: one["memory_mib"] for one in used(chunks)[0]["processes"]}
    assert held == {"/root/tools/memhog": 1272, "./gpu_burn": 7484}


@pytest.mark.parametrize(
    "capture", whole_captures(), ids=lambda path: path.stem if path else "none"
)
def test_whole_captures_are_read_as_their_excerpts(capture, read):
    """The real help text, with everything else that stands in it."""
    if capture is None:
        pytest.skip("no whole captures of real drivers: set BOXWATCH_BENCH_DATA")
    row, chunks = read(capture)
    assert row["memory.total"].isdigit()
    assert {"fabric.state", "ecc.mode.current", "pcie.link.gen.hostmax"} <= set(row)
    assert len(told(chunks)) > 70
