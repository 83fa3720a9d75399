"""A damaged state database is told, and rebuilt from what is left."""

import math
from dataclasses import replace

import pytest

from boxwatch.detections.detection import Severity
from boxwatch.errors import StoreDamaged, StoreError, StoreLocked
from boxwatch.incidents.incident import Incident, Opinion, State
from boxwatch.store import EventStore, Repaired, StateStore, repair


@pytest.fixture
def filled(store, root, fill, noon):
    """A closed data folder with twenty batches, some compacted, and two hundred incidents."""
    fill(store, 20)
    store.compact(math.inf)
    first = Incident(
        "0000", "box", "host", noon, noon, State.OPEN, Severity.LOW, "t" * 300, (), "", ()
    )
    with StateStore.open(root) as state:
        state.checkpoint(5, {"a": b"1"}, [replace(first, id=f"{n:04d}") for n in range(200)])
        state.set_state("0007", State.FALSE_ALARM, "no")
        state.give_label("0008", Opinion.REAL, "ann")
    store.close()
    return root


def overwrite(root, start: int, length: int) -> None:
    """Put noise over a part of the database."""
    with (root / "state.db").open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


@pytest.mark.parametrize(("start", "length"), [(0, 4096), (0, 10**6), (100, 50)])
def test_a_corrupt_database_is_told_with_the_way_out(filled, start, length):
    """Opening names the file and the command that repairs it."""
    overwrite(filled, start, length)
    with pytest.raises(StoreDamaged, match=r"state\.db.*boxwatch repair"):
        EventStore.open(filled, writable=True)


def test_batches_are_rebuilt_from_the_events(filled, noon):
    """Numbers and rows are what they were; `now` is the latest time in each batch."""
    overwrite(filled, 0, 10**6)
    done = repair(filled)
    assert (done.batches, done.rows, done.incidents) == (20, 160, 0)
    with EventStore.open(filled, writable=True) as store:
        found = list(store.batches())
        assert [batch.seq for batch in found] == list(range(1, 21))
        assert [batch.events.rows for batch in found] == [8] * 20
        assert found[2].now == found[2].events.logs["time"].max()
        assert store.head().positions == {}


def test_what_is_lost_is_said(filled):
    """Checkpoint, positions and incidents are named; the old database is kept."""
    overwrite(filled, 0, 10**6)
    done = repair(filled)
    assert [text.split()[1] for text in done.lost] == ["checkpoint:", "source", "incidents"]
    assert done.aside is not None
    assert done.aside.parent == filled / "damaged"
    assert done.aside.exists()


def test_incidents_come_back_as_far_as_they_can_be_read(filled):
    """Damage to one page leaves what stands before it, with what a person said, and positions."""
    file = (filled / "state.db").read_bytes()
    pages = range(0, len(file), 4096)
    rows = [
        at for at in pages if b"0150" in file[at : at + 4096] and b"ttt" in file[at : at + 4096]
    ]
    overwrite(filled, rows[0], 4096)
    with pytest.raises(StoreDamaged):
        EventStore.open(filled, writable=True)
    done = repair(filled)
    assert done.incidents > 50
    with StateStore.open(filled) as state:
        assert state.incident("0007").state is State.FALSE_ALARM
        assert state.incident("0008").label.opinion is Opinion.REAL
        assert state.load_checkpoint() is None
    with EventStore.open(filled, writable=True) as store:
        assert store.head().positions == {"s": {"n": 20}}


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_lost_database_does_not_take_the_events_along(filled, how):
    """Without a database the events are not taken for leftovers; they are repaired."""
    (filled / "state.db").unlink()
    if how == "empty":
        (filled / "state.db").touch()
    for writable in (True, False):
        with pytest.raises(StoreDamaged, match="repair"):
            EventStore.open(filled, writable=writable)
    assert repair(filled).batches == 20


def test_an_old_database_does_not_take_the_events_along(filled, store):
    """A database from a backup knows fewer batches than there are: that is damage too."""
    with EventStore.open(filled, writable=True) as opened:
        opened._database.connection.execute("DELETE FROM batches WHERE seq > 10")
    with pytest.raises(StoreDamaged, match="up to batch 20"):
        EventStore.open(filled, writable=True)
    assert repair(filled).batches == 20


def test_a_sound_folder_stays_as_it_is(filled):
    """Repairing what is sound loses nothing."""
    assert repair(filled) == Repaired()
    with StateStore.open(filled) as state:
        assert len(state.incidents()) == 200
        assert state.load_checkpoint() is not None


def test_a_damaged_format_is_written_anew(filled):
    """A version file that cannot be read is the easiest to repair."""
    (filled / "format.json").write_text("{")
    repair(filled)
    with EventStore.open(filled, writable=True) as store:
        assert store.head().seq == 20


def test_quarantine_survives_a_repair(store, root, noon, make_quarantine, make_events):
    """The records set aside are counted again from their file."""
    events = replace(make_events(), quarantined=make_quarantine(3))
    store.append(events, noon, {})
    store.close()
    (root / "state.db").unlink()
    repair(root)
    with EventStore.open(root, writable=True) as again:
        assert again.quarantine()["2026-03-01"].records == 3
        again.append(events, noon, {})
        assert again.quarantine()["2026-03-01"].records == 6


def test_repair_needs_the_folder_to_itself(store, root):
    """While another process writes, nothing is repaired."""
    with pytest.raises(StoreLocked):
        repair(root)


def test_repair_makes_no_folder(root):
    """Repairing what is not there is a mistake."""
    with pytest.raises(StoreError, match="no data folder"):
        repair(root)
