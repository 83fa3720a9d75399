"""Container lines and the engine's events."""

import orjson
import pytest

from boxwatch.events import RawChunk, normalise

LINE = {
    "host": "h",
    "container_id": "c1",
    "container_name": "web",
    "stream": "stdout",
    "timestamp": "2024-05-01T12:00:00.000000001Z",
    "message": "hello",
}
EVENT = {
    "host": "h",
    "Type": "container",
    "Action": "die",
    "Actor": {"ID": "c1", "Attributes": {"name": "web", "image": "i", "exitCode": "137"}},
    "time": 1_700_000_000,
    "timeNano": 1_700_000_000_123_456_789,
}


def at(nanos: int, **fields):
    """A line of that nanosecond."""
    return LINE | {"timestamp": f"2024-05-01T12:00:00.{nanos:09d}Z"} | fields


def test_a_line_becomes_a_log_row(read) -> None:
    """Nanoseconds are cut to microseconds; a stream is no severity."""
    (row,) = read("docker", at(123_456_789)).logs.rows(named=True)
    assert row["time"].isoformat() == "2024-05-01T12:00:00.123456+00:00"
    assert (row["source"], row["subtype"], row["container_name"]) == ("docker", "stdout", "web")
    assert (row["container_id"], row["unit"], row["severity"]) == ("c1", None, None)


def test_lines_come_in_the_order_of_their_nanoseconds(read) -> None:
    """Both streams of a container, read one after the other, are put in order."""
    lines = [at(5, message="c"), at(1, message="a", stream="stderr"), at(3, message="b")]
    assert read("docker", *lines).logs["message"].to_list() == ["a", "b", "c"]


def test_equal_lines_of_one_nanosecond_are_distinct_events(read) -> None:
    """Three equal lines are three events."""
    assert read("docker", LINE, LINE, LINE).logs["event_id"].n_unique() == 3


def test_ids_do_not_depend_on_where_reading_began() -> None:
    """Read twice from different starts, every line has the same id."""
    lines = [orjson.dumps(at(n // 2, message=f"m{n % 3}")) + b"\n" for n in range(20)]

    def ids(part):
        return normalise(RawChunk("docker", b"".join(part), "h", "o")).logs["event_id"].to_list()

    assert ids(lines[7:]) == ids(lines)[7:]


@pytest.mark.parametrize("field", ["host", "container_id", "stream", "message"])
def test_what_identifies_a_line(read, field: str) -> None:
    """Another host, container, stream or text is another event."""
    assert read("docker", LINE, LINE | {field: "x"}).logs["event_id"].n_unique() == 2


def test_parts_of_one_line_are_joined_within_their_stream(read) -> None:
    """The engine splits lines at 16 KiB; another stream may speak in between."""
    lines = [
        at(1, message="a" * 16_384, partial=True),
        at(2, message="err", stream="stderr"),
        at(3, message="b" * 16_384, partial=True),
        at(4, message="c"),
        at(5, message="next"),
    ]
    messages = read("docker", *lines).logs["message"].to_list()
    assert messages == ["a" * 16_384 + "b" * 16_384 + "c", "err", "next"]


def test_a_line_whose_end_is_missing_says_so(read) -> None:
    """The end is in another chunk: the part stays, marked."""
    logs = read("docker", at(1, message="begin", partial=True)).logs
    assert logs["message"].item() == "begin"
    assert orjson.loads(logs["attributes"].item()) == {"partial": True}


def test_ids_of_joined_lines_are_those_of_their_first_part(read) -> None:
    """So the line keeps its id however long it grows."""
    first = at(1, message="begin", partial=True)
    whole = read("docker", first, at(2, message="end")).logs["event_id"].item()
    assert whole == read("docker", first).logs["event_id"].item()


def test_a_line_without_a_time_is_set_aside(read) -> None:
    """And the next one is read."""
    events = read("docker", LINE | {"timestamp": "yesterday"}, LINE)
    assert (events.logs.height, events.quarantined["reason"].item()) == (1, "no usable time")


def test_an_engine_event_becomes_a_log_row(read) -> None:
    """The message says type, action and exit code; the attributes have the rest."""
    (row,) = read("docker_events", EVENT).logs.rows(named=True)
    assert row["time"].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert (row["subtype"], row["message"]) == ("event", "container die exitCode=137")
    assert (row["container_name"], row["container_id"], row["severity"]) == ("web", "c1", 13)
    said = orjson.loads(row["attributes"])
    assert (said["action"], said["exitCode"], said["image"]) == ("die", "137", "i")


@pytest.mark.parametrize(
    ("action", "severity"),
    [("oom", 17), ("health_status: unhealthy", 13), ("start", 9), ("health_status: healthy", 9)],
)
def test_an_event_is_as_severe_as_what_happened(read, action: str, severity: int) -> None:
    """The engine gives no severity of its own."""
    logs = read("docker_events", EVENT | {"Action": action}).logs
    assert logs["severity"].item() == severity


def test_an_event_of_a_network_names_no_container(read) -> None:
    """The actor is a network."""
    logs = read("docker_events", EVENT | {"Type": "network", "Action": "connect"}).logs
    assert logs.select("container_name", "container_id").row(0) == (None, None)


def test_an_event_seen_twice_has_one_id(read) -> None:
    """Reading again from a little earlier doubles nothing."""
    assert read("docker_events", EVENT, EVENT).logs["event_id"].n_unique() == 1


@pytest.mark.parametrize("actor", [None, "text", 5, [], {"Attributes": 3}, {"ID": None}])
def test_an_event_with_an_odd_actor_is_read(read, actor) -> None:
    """A form no engine prints today costs no event."""
    assert read("docker_events", EVENT | {"Actor": actor}).logs.height == 1
