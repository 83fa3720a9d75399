"""The NVIDIA source, against an nvidia-smi that prints as the real one does."""

import asyncio
import shutil

import pytest

from boxwatch.events.gpu import FIELDS
from boxwatch.sources import LocalShell, NvidiaOptions, NvidiaSource
from boxwatch.sources.nvidia_fields import WANTED, choose


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
    """What normalisation reads is what is queried; the rest comes from elsewhere."""
    asked = {name for names in WANTED for name in names}
    unasked = [field.metric for field in FIELDS if not asked & set(field.columns)]
    assert unasked == ["pcie_replay_total", "compute_processes"]


def test_a_field_that_is_listed_but_refused_is_left_out(smi, source, watch, rows):
    """One refused field does not cost the reading."""
    smi.set(refuse="pstate")
    row = rows(watch(source(), (lambda c: rows(c, "gpu"), None)), "gpu")[0]
    assert "pstate" not in row
    assert row["memory.used"] == "596"


def test_what_hardly_ever_moves_comes_once(smi, source, watch, rows):
    """The driver's version stands in the first row, and not in every one after it."""
    chunks = watch(source(), (lambda c: len(rows(c, "gpu")) >= 6, None))
    told = [row["index"] for row in rows(chunks, "gpu") if "driver_version" in row]
    assert sorted(told) == ["0", "1"]


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


def test_probe_names_the_cards(smi, source):
    """An answering nvidia-smi is ok, with the names of its cards."""
    capability = asyncio.run(source().probe())
    assert (capability.state, "NVIDIA Test Card" in capability.reason) == ("ok", True)


@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="no nvidia-smi on this machine")
def test_the_real_nvidia_smi_is_read(watch, rows):
    """On a machine with a driver its cards are read, or the source says why not."""
    reader = NvidiaSource(LocalShell(), "box", None, NvidiaOptions())
    chunks = watch(reader, (lambda c: rows(c, "gpu") or rows(c, "status"), None))
    states = {row["state"] for row in rows(chunks, "status")}
    assert states == {asyncio.run(reader.probe()).state}


def test_nothing_is_chosen_from_a_text_that_lists_no_fields():
    """A complaint instead of the help text chooses no field."""
    assert choose("NVIDIA-SMI has failed because it couldn't communicate") == []
