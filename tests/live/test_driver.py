"""A GPU driver that hangs, from readings to incidents: one of them, about the driver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from tests.live.recorded import Recording, judged

from boxwatch.events import RawChunk, concat, normalise
from boxwatch.events.schema import Events
from boxwatch.live import Pipeline
from boxwatch.sources.simulated import Truth, simulate
from boxwatch.store import EventStore, Reading, ingest

START = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
HANG = START + timedelta(minutes=9)
BACK = START + timedelta(minutes=12)
STATUS = (
    b'{"host":"simbox","collected_at":"%s","source":"nvidia","state":"%s",'
    b'"reason":"No answer for 5 s.","hint":"A reboot may be needed."}\n'
)


def status(at: datetime, state: str) -> Events:
    """What the source says of itself."""
    text = at.isoformat().encode()
    return normalise(RawChunk("status", STATUS % (text, state.encode()), "simbox", "test"))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A quarter of an hour of a box with two cards, without a fault."""
    root = tmp_path_factory.mktemp("healthy")
    simulate(root, seed=5, start=START, hours=0.25, host="simbox", faults=())
    with EventStore.open(root, writable=True) as store:
        ingest(store, root / "ingested", Reading(normalise, host="simbox", closed=True))
        return concat([batch.events for batch in store.batches()])


def watched(events: Events) -> list[tuple[str, str, set[str]]]:
    """The incidents of `events`: where each is, how it is called, and what was found."""
    truth = Truth(0, "simbox", START, START, START, ())
    ordered = Events(events.logs.sort("time"), events.samples.sort("time"))
    turns = Recording((truth,), ordered).turns(30.0, until_s=15 * 60.0)
    found = judged(Pipeline(), turns).values()
    return [(one.entity, one.title, {d.name for d in one.detections}) for one in found]


def test_a_driver_that_hangs_is_one_incident(healthy):
    """No card answers for three minutes: the driver is named, and no card is said to be gone."""
    away = pl.col("entity").str.starts_with("gpu:") & pl.col("time").is_between(HANG, BACK)
    rest = Events(healthy.logs, healthy.samples.filter(~away))
    told = [status(HANG + timedelta(seconds=5), "hung"), status(BACK, "ok")]
    (incident,) = watched(concat([rest, *told]))
    assert incident == (
        "source:nvidia",
        "The NVIDIA driver does not answer",
        {"nvidia-driver-not-answering"},
    )


def test_a_card_that_is_gone_while_the_other_answers_is_that_card(healthy):
    """The same three minutes for one card alone."""
    away = (pl.col("entity") == "gpu:1") & pl.col("time").is_between(HANG, BACK)
    (incident,) = watched(Events(healthy.logs, healthy.samples.filter(~away)))
    assert incident[0] == "gpu:1"
    assert "gpu-not-answering" in incident[2]
