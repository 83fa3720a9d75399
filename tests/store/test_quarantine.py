"""Quarantined records are kept once, within bounds, and counted beyond them."""

import json
from datetime import timedelta

import pytest

from boxwatch.events.schema import Events
from boxwatch.store import EventStore, Tally


@pytest.fixture
def aside(store):
    """The file of the day of the records."""
    return store.layout.quarantine / "2026-03-01.jsonl"


def test_records_are_appended_as_json_lines(store, aside, noon, make_quarantine):
    """Each record is one line with its time, kind, origin, reason and text."""
    store.append(Events(quarantined=make_quarantine(2)), noon, {})
    store.append(Events(quarantined=make_quarantine(1, "ü")), noon, {})
    lines = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [line["record"] for line in lines] == ["{", "{", "ü"]
    assert lines[0]["reason"] == "not JSON"
    assert store.quarantine()["2026-03-01"].records == 3


def test_what_is_too_much_is_dropped_and_counted(store, aside, noon, make_quarantine, monkeypatch):
    """A broken source cannot fill the disk; how much it tried is known."""
    monkeypatch.setattr(store._quarantine, "_day_bytes", 1000)
    for _ in range(3):
        store.append(Events(quarantined=make_quarantine(20)), noon, {})
    tally = store.quarantine()["2026-03-01"]
    assert tally.records + tally.dropped == 60
    assert aside.stat().st_size == tally.bytes <= 1000
    assert tally.dropped > 40


def test_each_day_has_its_own_bound(store, noon, make_quarantine, monkeypatch):
    """The next day starts a new file."""
    monkeypatch.setattr(store._quarantine, "_day_bytes", 200)
    for day in range(2):
        quarantined = make_quarantine(5)
        store.append(Events(quarantined=quarantined), noon + timedelta(days=day), {})
    assert [tally.records for tally in store.quarantine().values()] == [2, 2]


def test_a_long_record_is_cut(store, aside, noon, make_quarantine):
    """The beginning of a record is enough to see what it was."""
    store.append(Events(quarantined=make_quarantine(1, "x" * 1_000_000)), noon, {})
    assert 65_000 < aside.stat().st_size < 70_000


def test_an_uncommitted_tail_is_cut_off_at_the_next_start(
    store, root, aside, noon, make_quarantine
):
    """Records of a batch that never came to be are not kept twice."""
    store.append(Events(quarantined=make_quarantine(2)), noon, {})
    store.close()
    committed = aside.read_bytes()
    aside.write_bytes(committed + committed[:30])
    with EventStore.open(root, writable=True) as again:
        assert aside.read_bytes() == committed
        assert again.quarantine() == {"2026-03-01": Tally(len(committed), 2, 0)}


def test_a_tail_left_by_a_failed_batch_is_overwritten(store, aside, noon, make_quarantine):
    """The committed length rules, within one process too."""
    store.append(Events(quarantined=make_quarantine(1)), noon, {})
    with aside.open("ab") as file:
        file.write(b"half a rec")
    store.append(Events(quarantined=make_quarantine(1)), noon, {})
    assert [json.loads(line)["kind"] for line in aside.read_text().splitlines()] == ["gpu"] * 2
