"""The lines of a container: stamps, marks, frames."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.errors import SourceError
from boxwatch.sources import Output
from boxwatch.sources.container_log import ContainerLog, nine_digits
from boxwatch.sources.docker_frames import PART_BYTES, Frames

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
START = "2026-01-01T00:00:00.000000000Z"


def _at(second: int, nanos: int = 1) -> str:
    return f"2026-01-01T11:00:{second:02d}.{nanos:09d}Z"


def _lines(*stamps: str) -> Output:
    return Output(b"".join(b"%b line %d\n" % (at.encode(), n) for n, at in enumerate(stamps)))


def _log(**marks):
    log = ContainerLog("box", "c", "n", marks)
    log.resume(START, NOW, 10.0)
    return log


def _frame(kind: int, payload: bytes) -> bytes:
    return bytes((kind, 0, 0, 0)) + len(payload).to_bytes(4, "big") + payload


def test_lines_of_one_instant_are_counted() -> None:
    """Of three lines with one timestamp, two were received: the third comes, once."""
    log = _log(stdout=(_at(1), 2))
    rows = log.take(_lines(_at(1), _at(1), _at(1)))
    assert rows.count(b"\n") == 1
    assert b"line 2" in rows
    assert log.marks == {"stdout": (_at(1), 3)}


def test_after_the_last_line_received_every_line_is_new() -> None:
    """The clock was set back while nobody read: what came then has earlier timestamps."""
    rows = _log(stdout=(_at(30), 1)).take(_lines(_at(30), _at(29), _at(31)))
    assert rows.count(b"\n") == 2


def test_a_mark_from_a_clock_that_was_ahead_hides_nothing() -> None:
    """Else nothing would come until the clock is there again."""
    rows = _log(stdout=("2027-01-01T00:00:00.000000000Z", 1)).take(_lines(_at(1), _at(2)))
    assert rows.count(b"\n") == 2


def test_discarded_lines_are_recognised() -> None:
    """The last line received is not there any more: others may be gone with it."""
    log = _log(stdout=(_at(30), 1))
    assert log.take(_lines(_at(40))).count(b"\n") == 1
    assert [f"{at:%S}" for at in log.hole] == ["30", "40"]


def test_a_stream_that_was_silent_for_long_misses_nothing() -> None:
    """Its last line lies before the time that was asked for, so it cannot come again."""
    log = _log(stdout=(_at(59), 1), stderr=(START, 1))
    log.take(Output(_lines(_at(59)).data, error=True))
    assert log.hole is None


def test_reading_on_begins_where_the_other_stream_may_still_owe() -> None:
    """Not at the last line of the silent stream, and never before the first wish."""
    log = ContainerLog("box", "c", "n", {"stdout": (_at(59), 1), "stderr": (START, 1)})
    assert log.resume(START, NOW, 10.0) == "2026-01-01T11:00:49.000000000Z"
    assert log.resume(_at(55), NOW, 10.0) == _at(55)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-01-01T11:00:01.5Z", "2026-01-01T11:00:01.500000000Z"),
        ("2026-01-01T11:00:01Z", "2026-01-01T11:00:01.000000000Z"),
        ("2026-01-01T13:00:01.123456789+02:00", "2026-01-01T11:00:01.123456789Z"),
        ("2025-12-31T23:30:00.000000001-11:30", "2026-01-01T11:00:00.000000001Z"),
    ],
)
def test_stamps_of_any_engine_compare_as_text(stamp, expected) -> None:
    """Podman writes local time; some drivers leave zeros out."""
    rows = _log().take(_lines(stamp))
    assert f'"timestamp":"{expected}"'.encode() in rows


@pytest.mark.parametrize(
    "stamp", ["yesterday", "2026-13-01T00:00:00.5Z", "9999-12-31T23:59:59-01:00"]
)
def test_a_line_without_a_usable_stamp_is_kept_for_quarantine(stamp) -> None:
    """It has no timestamp, and moves no mark."""
    log = _log()
    assert b'"timestamp":""' in log.take(_lines(stamp))
    assert log.marks == {}


def test_frames_become_lines_of_their_streams_in_order() -> None:
    """Neighbours of one stream come together."""
    data = _frame(1, b"a 1\n") + _frame(1, b"a 2\n") + _frame(2, b"b 3\n") + _frame(1, b"a 4\n")
    assert Frames().feed(data) == [
        Output(b"a 1\na 2\n"),
        Output(b"b 3\n", error=True),
        Output(b"a 4\n"),
    ]


def test_parts_of_a_line_are_one_line_with_the_first_stamp() -> None:
    """The other stream may speak between them; what only looks like a stamp stays."""
    first, second = _at(1).encode(), _at(2).encode()
    data = [
        _frame(1, first + b" " + b"x" * PART_BYTES),
        _frame(2, second + b" err\n"),
        _frame(1, first + b" " + second + b" end\n"),
        _frame(1, second + b" next\n"),
    ]
    frames = Frames()
    assert [output for piece in data for output in frames.feed(piece)] == [
        Output(second + b" err\n", error=True),
        Output(first + b" " + b"x" * PART_BYTES + second + b" end\n"),
        Output(second + b" next\n"),
    ]


def test_a_terminal_sends_no_frames() -> None:
    """Bytes as they were written, recognised by the digit of the first stamp."""
    frames = Frames()
    assert frames.feed(b"2026-01-01T00:00:00.000000000Z he") == []
    assert frames.feed(b"llo\r\n") == [Output(b"2026-01-01T00:00:00.000000000Z hello\r\n")]


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 500", b"\x01\x01\x00\x00\x00\x00\x00\x01a", b"\x01\x00\x00\x00\xff\x00\x00\x00"],
)
def test_what_is_no_frame_is_refused(data) -> None:
    """Rather than waiting for four gigabytes."""
    with pytest.raises(SourceError, match="begins no frame"):
        Frames().feed(data)


def test_the_engine_says_why_it_stops() -> None:
    """The stream of its own carries the reason."""
    with pytest.raises(SourceError, match="disk gone"):
        Frames().feed(_frame(3, b"disk gone\n"))


def test_a_line_without_end_is_cut() -> None:
    """Memory stays bounded; the next line is whole."""
    frames = Frames(line_limit=100)
    said = [o for n in range(20) for o in frames.feed(_frame(1, b"2026 " + bytes([97 + n]) * 20))]
    said += frames.feed(_frame(1, b"rest\n")) + frames.feed(_frame(1, b"2026 next\n"))
    assert len(said[0].data) < 200
    assert said[-1].data == b"2026 next\n"


_PIECES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=60)), max_size=12)


@given(_PIECES, st.integers(1, 40))
def test_where_the_bytes_are_cut_does_not_matter(pieces, size) -> None:
    """Whatever is in the frames, and in whatever portions they arrive."""
    data = b"".join(_frame(kind, payload + b"\n") for kind, payload in pieces)

    def streams(outputs):
        return [b"".join(o.data for o in outputs if o.error is error) for error in (False, True)]

    cut = Frames()
    portions = [data[at : at + size] for at in range(0, len(data), size)]
    assert streams([o for part in portions for o in cut.feed(part)]) == streams(Frames().feed(data))


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_or_refused(data) -> None:
    """Nothing else is raised, by frames or by lines."""
    log = _log()
    try:
        outputs = Frames().feed(data)
    except SourceError:
        outputs = [Output(data)]
    for output in outputs:
        rows = log.take(output)
        assert rows == b"" or rows.endswith(b"}\n")


_STAMPS = st.lists(st.integers(0, 5), min_size=1, max_size=30).map(sorted)


@given(_STAMPS, st.data())
def test_resuming_anywhere_is_as_reading_through(seconds, data) -> None:
    """Whatever was handed over, the rest comes, once, however many lines share an instant."""
    lines = [f"{_at(second)} line {n}\n".encode() for n, second in enumerate(seconds)]
    stop = data.draw(st.integers(0, len(lines)))
    first = _log()
    got = first.take(Output(b"".join(lines[:stop])))
    again = ContainerLog("box", "c", "n", first.marks)
    since = again.resume(START, NOW, 10.0)
    got += again.take(Output(b"".join(line for line in lines if line[:30].decode() >= since)))
    assert got.count(b"\n") == len(lines)
    assert again.hole is None


def test_instants_are_written_as_engines_do() -> None:
    """UTC, nine digits, whatever the zone."""
    assert nine_digits(NOW + timedelta(microseconds=5)) == "2026-01-01T12:00:00.000005000Z"
