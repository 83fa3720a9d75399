"""The cut into batches, a save and a load between them: nothing of it shows."""

import json
from datetime import timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.known.stream import at, died, logs, samples

from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import Events

LENGTH = 1200


def _recording():
    xid = "NVRM: Xid (PCI:0000:41:00): {}, pid=1, name=python, x"
    rows = [(i * 25, {"message": xid.format(13)}) for i in range(12)]
    rows += [(310, {"message": xid.format(79)}), (700, {"message": "I/O error, dev sda, sector 1"})]
    rows += [died(400 + 20 * i) for i in range(5)]
    rows += [(900 + i, {"message": f"NVRM: GPU at PCI:0000:4{i}:00: GPU-1{i}"}) for i in range(3)]
    seconds = range(LENGTH)
    frames = [
        samples(
            "gpu:0", seconds, temperature_celsius=[None if 300 < s < 400 else 50.0 for s in seconds]
        ),
        samples("gpu:1", [s for s in seconds if not 500 < s < 600], temperature_celsius=50.0),
        samples(
            "gpu:1", seconds, ecc_corrected_total=[max(0.0, (s - 600) / 4) // 1 for s in seconds]
        ),
        samples(
            "host",
            seconds,
            memory_available_bytes=[3.0 if 50 < s < 90 else 50.0 for s in seconds],
            memory_total_bytes=100.0,
        ),
        samples(
            "fs:/",
            seconds[::10],
            available_bytes=[1000.0 - s / 2 for s in seconds[::10]],
            size_bytes=1000.0,
        ),
        samples("source:gpu", [100, 200, 210, 215], up=[0.0, 1.0, 0.0, 1.0]),
    ]
    return logs(sorted(rows, key=lambda row: row[0])), pl.concat(frames).sort("time")


LOGS, SAMPLES = _recording()


def _final(cuts, *, reload=False):
    """The last word on every finding when the recording is cut at these seconds."""
    known, found = KnownFailures(), {}
    edges = [0, *sorted(cuts), LENGTH]
    for begin, end in [*pairwise(edges), (LENGTH, LENGTH + 1), (5000, 5000)]:
        inside = pl.col("time").is_between(at(begin), at(end), closed="left")
        if reload:
            state = json.loads(json.dumps(known.save()))
            known = KnownFailures()
            known.load(state)
        events = Events(LOGS.filter(inside), SAMPLES.filter(inside))
        for detection in known.add(events, at(end) + timedelta(milliseconds=1)):
            found[detection.id] = detection
    return sorted(found.values(), key=lambda d: d.id)


WHOLE = _final([])


def test_the_recording_holds_many_kinds_of_failure():
    """The comparison below is about something."""
    names = {detection.name for detection in WHOLE}
    assert names >= {"xid-13", "xid-79", "gpu-not-answering", "container-crash-loop"}
    assert names >= {"gpu-ecc-storm", "host-memory-low", "disk-filling", "source-down"}
    assert not any(detection.open for detection in WHOLE)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, LENGTH - 1), max_size=12, unique=True))
def test_one_batch_is_many_batches(cuts):
    """However a recording is cut, the findings are the same."""
    assert _final(cuts) == WHOLE


def test_a_restart_between_batches_changes_nothing():
    """Saved as JSON and loaded before every batch."""
    assert _final(range(60, LENGTH, 60), reload=True) == WHOLE


def test_no_events_no_findings():
    """An empty batch is fine."""
    assert KnownFailures().add(Events(), at(0)) == []
