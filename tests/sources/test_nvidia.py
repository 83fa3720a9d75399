"""The NVIDIA source, against an nvidia-smi that prints and fails as the real one does."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from boxwatch.events.gpu import FIELDS
from boxwatch.sources import LocalShell, NvidiaOptions, NvidiaSource, Pauses
from boxwatch.sources.nvidia_fields import WANTED, choose

FAKE = Path(__file__).with_name("fake_nvidia_smi.py")


class Smi:
    """A program `nvidia-smi` whose conduct can be changed while it runs."""

    def __init__(self, folder):
        self.folder = folder
        self._settings = {"log": str(folder / "starts")}
        self.program = folder / "nvidia-smi"
        self.program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -S {FAKE} {folder}/settings.json "$@"\n'
        )
        self.program.chmod(0o755)
        self.set()

    def set(self, **settings):
        self._settings.update(settings)
        fresh = self.folder / "fresh"
        fresh.write_text(json.dumps(self._settings))
        fresh.rename(self.folder / "settings.json")

    def starts(self, word):
        return [s for s in (self.folder / "starts").read_text().splitlines() if word in s]


@pytest.fixture
def smi(tmp_path):
    """An nvidia-smi of our own."""
    return Smi(tmp_path)


@pytest.fixture
def source(smi):
    """Builds a source on it."""

    def build(position=None, **options):
        chosen = {
            "interval_s": 0.05,
            "quiet_intervals": 8,
            "processes_every_s": 0,
            "program": str(smi.program),
            "pauses": Pauses(0.02, 0.1),
            **options,
        }
        return NvidiaSource(LocalShell(), "box", position, NvidiaOptions(**chosen))

    return build


@pytest.fixture
def watch(until):
    """Run a source through steps of (enough, action) and close it; all chunks."""

    def run(source, *steps):
        async def go():
            chunks = []
            try:
                for enough, action in steps:
                    chunks += await until(source, enough)
                    if action is not None:
                        action()
                return chunks
            finally:
                await source.close()

        return asyncio.run(go())

    return run


def test_readings_are_rows_of_fields_by_their_names(smi, source, watch, rows):
    """A row carries host, our time, and the values as printed; [N/A] stays [N/A]."""
    chunks = watch(source(), (lambda c: len(rows(c, "gpu")) >= 4, None))
    first, second = rows(chunks, "gpu")[:2]
    assert (first["index"], second["index"], first["collected_at"]) == (
        "0",
        "1",
        second["collected_at"],
    )
    assert (first["memory.used"], first["fan.speed"]) == ("596", "[N/A]")
    assert (first["clocks_event_reasons.active"], first["host"]) == ("0x0000000000000001", "box")
    assert rows(chunks, "status")[0]["state"] == "ok"


def test_old_drivers_are_asked_by_old_names(smi, source, watch, rows):
    """Where the driver knows only clocks_throttle_reasons, that is what is asked for."""
    smi.set(naming="old")
    row = rows(watch(source(), (lambda c: rows(c, "gpu"), None)), "gpu")[0]
    assert row["clocks_throttle_reasons.active"] == "0x0000000000000001"
    assert "clocks_event_reasons.active" not in row


def test_every_metric_of_a_gpu_has_a_field_that_is_asked_for():
    """What normalisation reads is what is queried; process counts come from elsewhere."""
    asked = {name for names in WANTED for name in names}
    unasked = [field.metric for field in FIELDS if not asked & set(field.columns)]
    assert unasked == ["compute_processes"]


def test_card_that_vanishes_is_a_row_of_reasons(smi, source, watch, rows):
    """A card missing from a reading keeps its identity, and says why all else is unknown."""

    def gone(chunks):
        return [r for r in rows(chunks, "gpu") if r["temperature.gpu"] == "gone from nvidia-smi"]

    chunks = watch(
        source(),
        (lambda c: len(rows(c, "gpu")) >= 4, lambda: smi.set(mode="vanish")),
        (lambda c: len(gone(c)) >= 2, lambda: smi.set(mode="")),
        (lambda c: rows(c, "gpu")[-1]["temperature.gpu"] == "41" if c else False, None),
    )
    assert {(row["index"], row["uuid"][:12]) for row in gone(chunks)} == {("1", "GPU-00000001")}


def test_card_that_vanished_while_nobody_watched_is_missed(smi, source, watch, rows):
    """The cards of the position are expected after a restart."""
    first = source()
    watch(first, (lambda c: len(rows(c, "gpu")) >= 4, None))
    smi.set(mode="vanish")
    chunks = watch(source(first.position()), (lambda c: len(rows(c, "gpu")) >= 2, None))
    assert rows(chunks, "gpu")[1]["utilization.gpu"] == "gone from nvidia-smi"


def test_lost_card_keeps_the_words_of_the_driver(smi, source, watch, rows):
    """[GPU is lost] is handed over as printed."""
    smi.set(mode="lost")
    chunks = watch(source(), (lambda c: len(rows(c, "gpu")) >= 2, None))
    assert rows(chunks, "gpu")[1]["memory.used"] == "[GPU is lost]"


def test_hang_is_said_and_costs_one_process_at_a_time(smi, source, watch, rows, belongings):
    """No row for the patience: state hung, every known card unknown, nothing left running."""
    before = belongings()
    chunks = watch(
        source(quiet_intervals=4, first_row_s=0.5),
        (lambda c: len(rows(c, "gpu")) >= 4, lambda: smi.set(mode="hang")),
        (lambda c: any(r["state"] == "hung" for r in rows(c, "status")), None),
    )
    blank = rows(chunks, "gpu")[-2:]
    assert all("No answer" in row["temperature.gpu"] for row in blank)
    assert [row["index"] for row in blank] == ["0", "1"]
    assert belongings()["children"] == before["children"]


def test_recovery_from_a_hang_is_said(smi, source, watch, rows):
    """When rows come again, so does the state ok."""
    smi.set(mode="hang")
    chunks = watch(
        source(first_row_s=0.5),
        (lambda c: rows(c, "status"), lambda: smi.set(mode="")),
        (lambda c: rows(c, "gpu"), None),
    )
    assert [row["state"] for row in rows(chunks, "status")] == ["hung", "ok"]


def test_hang_while_listing_fields_is_a_hang(smi, source, watch, rows):
    """A driver that does not even answer the help text is hung, once."""
    smi.set(mode="hang-at-start")
    chunks = watch(source(first_row_s=0.3), (lambda c: rows(c, "status"), None))
    assert rows(chunks, "status")[0]["state"] == "hung"


def test_garbage_between_rows_is_skipped(smi, source, watch, rows):
    """Lines that are no reading are left out, the readings stay."""
    smi.set(mode="garbage")
    chunks = watch(source(), (lambda c: len(rows(c, "gpu")) >= 4, None))
    assert [row["index"] for row in rows(chunks, "gpu")[:4]] == ["0", "1", "0", "1"]


def test_slow_rows_of_one_reading_stay_together(smi, source, watch, rows):
    """Rows of one reading carry one time even when the second comes late."""
    smi.set(mode="slow")
    got = rows(watch(source(), (lambda c: len(rows(c, "gpu")) >= 6, None)), "gpu")
    assert got[0]["collected_at"] == got[1]["collected_at"] < got[2]["collected_at"]


def test_failing_driver_is_said_once_in_its_own_words(smi, source, watch, rows):
    """nvidia-smi that ends is failing with what it said; it is tried again, quietly."""
    smi.set(mode="exit")
    chunks = watch(source(), (lambda c: rows(c, "status"), None), (lambda _: _tries(smi) > 2, None))
    said = rows(chunks, "status")
    assert [row["state"] for row in said] == ["failing"]
    assert "Unable to determine the device handle" in said[0]["reason"]


def _tries(smi):
    return len(smi.starts("--query-gpu"))


def test_missing_nvidia_smi_is_absent_once(source, watch, rows, tmp_path):
    """Without the program there is one status with a hint, and a probe that says the same."""
    reader = source(program=str(tmp_path / "nowhere"))
    chunks = watch(reader, (lambda c: rows(c, "status"), None))
    capability = asyncio.run(reader.probe())
    assert [row["state"] for row in rows(chunks, "status")] == [capability.state] == ["absent"]
    assert "driver" in rows(chunks, "status")[0]["hint"]


def test_computing_processes_are_counted(smi, source, watch, rows):
    """Rows carry how many processes compute on the card, once they were counted."""
    reader = source(processes_every_s=0.05)

    def counted(chunks):
        return [r for r in rows(chunks, "gpu") if "compute_processes" in r]

    chunks = watch(reader, (lambda c: len(counted(c)) > 3, None))
    assert {(r["index"], r["compute_processes"]) for r in counted(chunks)} == {
        ("0", "2"),
        ("1", "0"),
    }


def test_probe_names_the_cards(smi, source):
    """An answering nvidia-smi is ok, with the names of its cards."""
    capability = asyncio.run(source().probe())
    assert (capability.state, "NVIDIA Test Card" in capability.reason) == ("ok", True)


def _captures():
    folder = Path(os.environ.get("BOXWATCH_BENCH_DATA", "/nowhere")) / "fixtures" / "nvidia-smi"
    return sorted(folder.glob("linux*.txt")) or [None]


@pytest.mark.parametrize("capture", _captures(), ids=lambda c: c.stem if c else "none")
def test_real_captures_are_read_whole(capture, smi, source, watch, rows):
    """Every real driver's fields are found, its row is taken, and no field shifts."""
    if capture is None:
        pytest.skip("no captures of real drivers: set BOXWATCH_BENCH_DATA")
    smi.set(capture=str(capture), cards=1)
    row = rows(watch(source(), (lambda c: rows(c, "gpu"), None)), "gpu")[0]
    assert row["memory.total"].isdigit()
    assert row["pstate"].startswith("P")
    assert row["clocks_event_reasons.active"].startswith("0x")
    assert float(row["power.draw.instant"]) > 0


def test_nothing_is_chosen_from_a_text_that_lists_no_fields():
    """A complaint instead of the help text chooses no field."""
    assert choose("NVIDIA-SMI has failed because it couldn't communicate") == []
