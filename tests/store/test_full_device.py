"""A full device: nothing half-written is seen, and writing goes on when there is room."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from boxwatch.errors import StoreFull
from boxwatch.models.detector import Saved
from boxwatch.store import EventStore, StateStore, model_versions, save_model

MIB = 2**20


pytestmark = pytest.mark.parametrize("device", [4], indirect=True)


@pytest.fixture
def small(device):
    """An empty store on the small device."""
    with EventStore.open(device / "data", writable=True) as store:
        yield store


def occupy(device, leave: int) -> None:
    """Fill the device but for about `leave` bytes."""
    free = shutil.disk_usage(device).free - leave
    (device / "ballast").write_bytes(bytes(max(free, 0)))


def make_room(device) -> None:
    """Take the ballast away."""
    (device / "ballast").unlink()


@pytest.mark.parametrize("leave", [0, 4096, 8192, 12288, 16384, 24576, 40960])
def test_a_batch_that_does_not_fit_is_not_there(small, device, make_events, noon, leave):
    """Wherever the room ends, the batch is whole or absent, and goes in later by its number."""
    small.append(make_events(1), noon, {"s": {"n": 1}})
    big = make_events(2, hosts=("a", "b", "c"), rows=9000)
    occupy(device, leave)
    with pytest.raises(StoreFull, match="No room left"):
        small.append(big, noon, {"s": {"n": 2}})
    assert [batch.seq for batch in small.batches()] == [1]
    assert small.head().positions == {"s": {"n": 1}}
    make_room(device)
    assert small.append(big, noon, {"s": {"n": 2}}) == 2
    assert [batch.events.rows for batch in small.batches()] == [8, 18_000]
    assert not list(device.rglob("*.tmp"))


def test_quarantine_that_does_not_fit(small, device, noon, make_quarantine, make_events):
    """Records set aside by a failed batch are not there twice after the next."""
    events = replace(make_events(), quarantined=make_quarantine(400))
    occupy(device, 20_000)
    with pytest.raises(StoreFull):
        small.append(events, noon, {})
    assert small.quarantine() == {}
    make_room(device)
    small.append(events, noon, {})
    lines = (small.layout.quarantine / "2026-03-01.jsonl").read_bytes().count(b"\n")
    assert lines == small.quarantine()["2026-03-01"].records == 400


def test_a_checkpoint_that_does_not_fit(small, device):
    """The last checkpoint stands, and the next one goes in once there is room."""
    with StateStore.open(device / "data") as state:
        state.checkpoint(1, {"a": b"1" * 10_000})
        occupy(device, 100_000)
        with pytest.raises(StoreFull):
            state.checkpoint(2, {"a": b"2" * 1_000_000})
        assert state.load_checkpoint().seq == 1
        make_room(device)
        state.checkpoint(2, {"a": b"2" * 500_000})
        assert state.load_checkpoint().stages == {"a": b"2" * 500_000}


def test_a_compaction_that_does_not_fit(small, device, fill):
    """The small parts stay, and are merged later."""
    fill(small, 16)
    occupy(device, 0)
    with pytest.raises(StoreFull):
        small.compact()
    assert len(list(small.batches())) == 16
    make_room(device)
    assert small.compact().made > 0


@pytest.mark.parametrize("running", [True, False])
def test_a_full_device_can_be_read(small, device, fill, running):
    """Reading needs no room, whether or not someone writes."""
    fill(small, 3)
    if not running:
        small.close()
    occupy(device, 0)
    with EventStore.open(device / "data", writable=False) as reader:
        assert len(list(reader.batches())) == 3


def test_a_writer_on_a_full_device_is_told(small, device, fill):
    """Starting to write without any room says so, and does no harm."""
    fill(small, 3)
    small.close()
    occupy(device, 0)
    with pytest.raises(StoreFull):
        EventStore.open(device / "data", writable=True)
    make_room(device)
    with EventStore.open(device / "data", writable=True) as again:
        assert len(list(again.batches())) == 3


def test_retention_makes_room_on_a_full_device(small, device, fill, noon):
    """Old days can be removed when there is no room at all."""
    fill(small, 20, days=-3)
    fill(small, 2)
    occupy(device, 0)
    assert small.retain(1, None, noon).bytes_removed > 0
    assert [batch.seq for batch in small.batches()] == [21, 22]
    fill(small, 1)


def test_a_model_that_does_not_fit(device):
    """Nothing of it is left."""
    with pytest.raises(StoreFull):
        save_model(device / "models", Saved({"a": np.zeros(MIB)}, {}))
    assert model_versions(device / "models") == []
    assert not list((device / "models").iterdir())
