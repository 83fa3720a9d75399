"""The door: no content raises, and every line is somewhere."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.errors import UsageError
from boxwatch.events import (
    LOGS,
    NORMALISERS,
    QUARANTINE,
    RAW_KINDS,
    SAMPLES,
    SOURCES,
    RawChunk,
    check,
    earliest,
    normalise,
)

WORDS = st.sampled_from(
    [
        *("", "2024-05-01T12:00:00.5Z", "1714564800123456", "5", "-1", "99999999999999999999"),
        *("host", "disk:x", "gpu", "hung", "ok", "true", "[N/A]", "0x4", "P2", "inf", "Yes"),
        *("[1, 2]", '["a"]', "{", '{"level":"x"}', '{"msg":"x"}', "\x1b[1mx\n", "x" * 70_000),
        *("May  1 12:00:00 x", "E0501 12:00:00.1 x", "Feb 29 12:00:00 x"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def lines_of(kind: str) -> st.SearchStrategy[bytes]:
    """Lines that are nearly records of `kind`, and lines that are anything."""
    key = st.sampled_from([*NORMALISERS[kind].columns, "Actor", "Type", "Action"])
    record = st.dictionaries(key, VALUES, max_size=8).map(as_line)
    cut = st.tuples(record, st.integers(1, 9)).map(lambda item: item[0][: -item[1]])
    noise = st.binary(max_size=20).map(lambda b: b.replace(b"\n", b" "))
    return record | cut | noise


def as_line(record: dict[str, object]) -> bytes:
    """JSON as a careless program writes it: integers of any size, any character."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")


@pytest.mark.parametrize("kind", RAW_KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_line_crashes_or_is_lost(kind: str, data: st.DataObject) -> None:
    """Each line alone is a row or quarantined, the tables keep their schemas."""
    line = data.draw(lines_of(kind))
    events = normalise(RawChunk(kind, line + b"\n", "box", "fuzz"))
    check(events.logs, LOGS, kind)
    check(events.samples, SAMPLES, kind)
    check(events.quarantined, QUARANTINE, kind)
    assert (events.rows + events.quarantined.height > 0) == bool(line.strip(b" \t\r"))


@pytest.mark.parametrize("kind", RAW_KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_line_means_the_same_among_others(kind: str, data: st.DataObject) -> None:
    """Together they give what each gives alone: no line costs or changes another."""
    lines = data.draw(st.lists(lines_of(kind).filter(lambda b: b"partial" not in b.lower())))
    lines = list(dict.fromkeys(lines))
    alone = [normalise(RawChunk(kind, line, "box", "fuzz")) for line in lines]
    together = normalise(RawChunk(kind, b"\n".join(lines), "box", "fuzz"))
    assert together.logs.height == sum(events.logs.height for events in alone)
    assert together.samples.height == sum(events.samples.height for events in alone)
    assert together.quarantined.height == sum(events.quarantined.height for events in alone)
    messages = sorted(message for events in alone for message in events.logs["message"])
    assert sorted(together.logs["message"]) == messages


def test_every_raw_kind_has_a_normaliser() -> None:
    """The table of kinds and the table of normalisers agree."""
    assert set(NORMALISERS) == set(RAW_KINDS)


@pytest.mark.parametrize("kind", RAW_KINDS)
def test_an_empty_chunk_is_no_events(kind: str) -> None:
    """Tables with their columns and no rows."""
    events = normalise(RawChunk(kind, b"", "box", "o"))
    assert (events.rows, events.quarantined.height) == (0, 0)


def test_an_unknown_kind_is_refused() -> None:
    """With those that are known."""
    with pytest.raises(UsageError, match="'tape' is unknown; known are systemd, docker"):
        normalise(RawChunk("tape", b"", "box", "o"))


def test_sources_are_the_declared_ones(read) -> None:
    """No table names a source that the schema does not."""
    journal = {"__REALTIME_TIMESTAMP": "1714564800000000", "_TRANSPORT": "kernel"}
    found = read("systemd", journal).logs["source"].item()
    assert found in SOURCES


def test_quarantine_says_when_where_and_what(read) -> None:
    """Bytes that are not UTF-8 appear as escapes."""
    (row,) = read("kernel", b"\xffbad").quarantined.rows(named=True)
    assert (row["kind"], row["origin"], row["record"]) == ("kernel", "origin.jsonl+0", r"\xffbad")
    assert row["time"].isoformat() == "2024-06-01T00:00:00+00:00"


WRITTEN = {
    "systemd": {"__REALTIME_TIMESTAMP": "1717243200000001", "MESSAGE": "a", "__CURSOR": "c"},
    "docker": {"timestamp": "2024-06-01T12:00:00.000001234Z", "message": "a", "container_id": "c"},
    "docker_events": {"timeNano": 1717243200000001234, "Type": "container", "Action": "die"},
    "gpu": {"collected_at": "2024-06-01T12:00:00.000001Z", "index": "0", "temperature.gpu": "40"},
    "host": {"collected_at": "2024-06-01T12:00:00.000001Z", "entity": "host", "load1": 1.0},
    "kernel": {"timestamp": "2024-06-01T12:00:00.000001Z", "message": "a", "sequence": 1},
    "file": {"path": "/a", "offset": 0, "inode": 1, "read_at": 1717243200.000001, "message": "a"},
    "notice": {"time": "2024-06-01T12:00:00.000001Z", "source": "systemd", "notice": "gap"},
    "status": {"collected_at": "2024-06-01T12:00:00.000001Z", "source": "gpu", "state": "ok"},
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_quick_look_tells_the_time_of_the_events(kind: str) -> None:
    """The earliest time of a chunk is that of what it becomes, however it is found."""
    lines = as_line({"host": "box", **WRITTEN[kind]}) + b"\n"
    chunk = RawChunk(kind, lines, "box", "fuzz")
    events = normalise(chunk)
    times = [*events.logs["time"], *events.samples["time"]]
    assert earliest(chunk) == min(times) == datetime(2024, 6, 1, 12, 0, 0, 1, tzinfo=UTC)


@settings(max_examples=40, deadline=None)
@given(line=st.binary(max_size=200).filter(lambda b: b"\n" not in b))
def test_the_quick_look_crashes_on_nothing(line: bytes) -> None:
    """A line that is no record has no time."""
    chunk = RawChunk("systemd", line + b"\n", "box", "fuzz")
    assert earliest(chunk) is None or normalise(chunk).rows
