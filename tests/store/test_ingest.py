"""Raw artifacts enter the store once, in the order of time over all kinds."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store import tiny

from boxwatch.events import RawChunk
from boxwatch.store import EventStore, RawRecording, Reading, ingest
from boxwatch.store.raw_files import LineFile


@pytest.fixture
def raw(root):
    """The folder of raw artifacts."""
    return root / "ingested"


def numbers(store: EventStore) -> list[int]:
    """What was read, in the order of batches."""
    return [int(text) for batch in store.batches() for text in batch.events.logs["message"]]


def test_everything_is_read_once(store, raw):
    """A second run over the same artifacts adds nothing."""
    tiny.write(raw, "gpu", 0, range(100))
    tiny.write(raw, "systemd", 0, range(100, 150))
    first = ingest(store, raw, Reading(tiny.normalise))
    assert sorted(numbers(store)) == list(range(150))
    assert (first.rows, first.batches, first.bytes_done) == (150, 1, first.bytes_total)
    assert ingest(store, raw, Reading(tiny.normalise)).batches == 0


def test_what_was_recorded_is_not_taken_again(store, raw):
    """Its batches are stored with the raw records; others in the folder are taken."""
    path = tiny.write(raw, "gpu", 0, range(10))
    recorded = {RawRecording.KEY: {path.relative_to(raw).as_posix(): path.stat().st_size}}
    events = tiny.normalise(RawChunk("gpu", path.read_bytes(), "localhost", "gpu"))
    store.append(events, tiny.START, recorded)
    tiny.write(raw, "systemd", 0, range(10, 15))
    assert ingest(store, raw, Reading(tiny.normalise)).rows == 5
    assert sorted(numbers(store)) == list(range(15))
    assert store.head().positions[RawRecording.KEY] == recorded[RawRecording.KEY]


def test_artifacts_that_rotate_together_make_one_batch_each(store, raw):
    """An hour's files of all kinds come together; `now` is the latest time seen."""
    for hour in range(3):
        tiny.write(raw, "gpu", 3600 * hour, range(60), step=60)
        tiny.write(raw, "docker", 3600 * hour, range(60), step=60)
    ingest(store, raw, Reading(tiny.normalise))
    batches = list(store.batches())
    assert [batch.events.logs["source"].n_unique() for batch in batches] == [2, 2, 2]
    minutes = [(batch.now - tiny.START) / timedelta(minutes=1) for batch in batches]
    assert minutes == [59, 119, 179]


def test_kinds_advance_together_in_large_artifacts(store, raw):
    """A day in one file per kind is cut at the same instants in all of them."""
    tiny.write(raw, "gpu", 0, range(5000), step=1, pad=100)
    tiny.write(raw, "kernel", 0, range(50), step=100)
    tiny.write(raw, "docker", 1000, range(1000), step=4)
    ingest(store, raw, Reading(tiny.normalise, chunk_bytes=150_000))
    batches = list(store.batches())
    assert len(batches) > 3
    for earlier, later in pairwise(batches):
        assert earlier.events.logs["time"].max() < later.events.logs["time"].min()
        assert earlier.now < later.now


def test_kinds_that_rotate_at_other_times_stay_in_order(store, raw):
    """A long file does not run ahead of the files that begin within it."""
    tiny.write(raw, "gpu", 0, range(1000))
    for start in range(3, 1000, 250):
        tiny.write(raw, "docker", start, range(250))
    ingest(store, raw, Reading(tiny.normalise))
    times = [batch.events.logs["time"] for batch in store.batches()]
    assert len(times) == 4
    assert all(a.max() < b.min() for a, b in pairwise(times))


def test_time_that_goes_backwards_loses_nothing(store, raw):
    """A clock set back within a file costs order, not records; `now` never goes back."""
    lines = tiny.write(raw, "gpu", 5000, range(500)).read_text()
    path = tiny.write(raw, "gpu", 0, range(500, 900))
    path.write_text(lines + path.read_text())
    tiny.write(raw, "kernel", 0, range(900, 1000), step=60)
    ingest(store, raw, Reading(tiny.normalise, chunk_bytes=3000))
    assert sorted(set(numbers(store))) == list(range(1000))
    nows = [batch.now for batch in store.batches()]
    assert nows == sorted(nows)


def test_half_a_last_line_waits(store, raw):
    """A line that is being written is taken once it is whole."""
    path = tiny.write(raw, "gpu", 0, range(3))
    whole = path.read_text()
    path.write_text(whole[:-5])
    waiting = ingest(store, raw, Reading(tiny.normalise)).waiting
    assert waiting == ("gpu/gpu_metrics_20260301_000000.jsonl",)
    assert numbers(store) == [0, 1]
    path.write_text(whole)
    assert ingest(store, raw, Reading(tiny.normalise)).waiting == ()
    assert numbers(store) == [0, 1, 2]


@pytest.mark.parametrize("closed", [True, False])
def test_a_finished_file_is_taken_to_its_end(store, raw, closed):
    """Nobody writes a file that was rotated away, or that the caller says is closed."""
    path = tiny.write(raw, "gpu", 0, range(3))
    path.write_text(path.read_text().rstrip("\n"))
    if not closed:
        tiny.write(raw, "gpu", 100, [3])
    ingest(store, raw, Reading(tiny.normalise, closed=closed))
    assert numbers(store) == ([0, 1, 2] if closed else [0, 1, 2, 3])


def test_a_growing_file_is_followed(store, raw):
    """Each run takes what came since the last."""
    path = tiny.write(raw, "gpu", 0, range(2))
    ingest(store, raw, Reading(tiny.normalise))
    with path.open("a") as file:
        file.write('{"t": 9, "n": 2}\n')
    assert ingest(store, raw, Reading(tiny.normalise)).rows == 1
    assert numbers(store) == [0, 1, 2]


def test_corrupt_lines_are_quarantined_once(store, raw):
    """Truncated JSON and invalid UTF-8 are set aside with their place, and the rest is read."""
    path = tiny.write(raw, "gpu", 0, range(2))
    path.write_bytes(b'{"t": 1\n\xff\xfe\n' + path.read_bytes() + b"[]\n")
    done = ingest(store, raw, Reading(tiny.normalise))
    assert (done.rows, done.quarantined) == (2, {"gpu": 3})
    assert store.quarantine()["2026-03-01"].records == 3


def test_a_line_longer_than_a_chunk(store, raw):
    """A line of ten megabytes is one line."""
    path = tiny.write(raw, "gpu", 0, range(3))
    path.write_text(path.read_text() + '{"t": 3, "n": 3, "pad": "' + "x" * 10_000_000 + '"}\n')
    tiny.write(raw, "kernel", 0, [4, 5, 6])
    ingest(store, raw, Reading(tiny.normalise, chunk_bytes=1000))
    assert sorted(numbers(store)) == list(range(7))


def test_strange_files_are_named_not_read(store, raw):
    """A name without a known kind or time is reported; empty files are nothing."""
    for name in ("gpu/notes.jsonl", "gpu/gpu_metrics_20269999_000000.jsonl", "gpu/x_y.jsonl"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text("{}\n")
    tiny.write(raw, "systemd", 0, [])
    done = ingest(store, raw, Reading(tiny.normalise))
    assert len(done.skipped) == 3
    assert done.batches == 0


def test_a_file_that_shrank_is_named_not_read(store, raw):
    """What was taken from a file that is now shorter is not taken again."""
    path = tiny.write(raw, "gpu", 0, range(5))
    ingest(store, raw, Reading(tiny.normalise))
    path.write_text('{"t": 0, "n": 0}\n')
    assert "shorter" in ingest(store, raw, Reading(tiny.normalise)).skipped[0]
    assert numbers(store) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("more", [0, 3])
def test_a_file_that_was_written_anew_is_read_anew(store, raw, more):
    """To its old size or beyond: its new lines are not taken for those that were read."""
    path = tiny.write(raw, "gpu", 0, range(10, 15))
    ingest(store, raw, Reading(tiny.normalise))
    size = path.stat().st_size
    path.unlink()
    assert tiny.write(raw, "gpu", 5, range(20, 25 + more)).stat().st_size >= size
    tiny.write(raw, "gpu", 5, range(20, 25 + more)).rename(path)
    ingest(store, raw, Reading(tiny.normalise))
    ingest(store, raw, Reading(tiny.normalise))
    assert numbers(store) == [*range(10, 15), *range(20, 25 + more)]


def test_progress_is_told_after_every_batch(store, raw):
    """Bytes done grow to bytes in all."""
    tiny.write(raw, "gpu", 0, range(10_000))
    told: list[tuple[int, int]] = []
    reading = Reading(tiny.normalise, chunk_bytes=70_000)
    ingest(store, raw, reading, lambda *at: told.append(at))
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_no_artifacts_at_all(store, raw):
    """A folder that is not there holds nothing."""
    assert ingest(store, raw, Reading(tiny.normalise)).batches == 0


@settings(deadline=None, max_examples=60)
@given(
    pieces=st.lists(st.sampled_from([b"a", b"\n", b"bb" * 40_000]), max_size=12),
    first=st.integers(0, 200_000),
    second=st.integers(0, 200_000),
)
def test_lines_are_found_from_any_place(pieces, first, second, tmp_path_factory):
    """Next, last and whole lines agree with a search in memory, across reading pieces."""
    content = b"".join(pieces)
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_bytes(content)
    low, high = sorted((min(first, len(content)), min(second, len(content))))
    lines = LineFile(path)
    after = content.find(b"\n", low - 1) if low else -1
    following = 0 if low == 0 else (after + 1 if after >= 0 else len(content))
    assert lines.next_line(low) == following
    assert lines.whole_lines(low) == max(low, content.rfind(b"\n") + 1)
    assert lines.last_line(low, high) == max(low, content.rfind(b"\n", 0, max(high - 1, 0)) + 1)
    lines.close()
