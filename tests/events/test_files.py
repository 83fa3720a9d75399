"""Lines of log files: time, level and form are the program's choice."""

import orjson
import pytest

LINE = {
    "host": "h",
    "path": "/var/log/app/app.log",
    "inode": 12,
    "offset": 0,
    "read_at": "2024-01-15T12:00:00Z",
    "message": "plain",
}


def line(read, message: str):
    """The log row of one line."""
    (row,) = read("file", LINE | {"message": message}).logs.rows(named=True)
    return row


@pytest.mark.parametrize(
    ("message", "time"),
    [
        ("2024-05-01T12:00:00Z x", "2024-05-01T12:00:00+00:00"),
        ("2024-05-01T12:00:00.123456789+02:00 x", "2024-05-01T10:00:00.123456+00:00"),
        ("2024-05-01 12:00:00.5 +0200 x", "2024-05-01T10:00:00.500000+00:00"),
        ("2024-05-01 12:00:00,123 - app - INFO - x", "2024-05-01T12:00:00.123000+00:00"),
        ("[2024-05-01 12:00:00] x", "2024-05-01T12:00:00+00:00"),
        ("<34>1 2024-05-01T12:00:00.5Z host app - - x", "2024-05-01T12:00:00.500000+00:00"),
        ("2024/05/01 12:00:00 [error] 1#1: x", "2024-05-01T12:00:00+00:00"),
        ('1.2.3.4 - - [01/May/2024:12:00:00 +0200] "GET /"', "2024-05-01T10:00:00+00:00"),
        ("Jan 15 11:59:00 host app[1]: x", "2024-01-15T11:59:00+00:00"),
        ("Jan  5 11:59:00 host app[1]: x", "2024-01-05T11:59:00+00:00"),
        ("<13>Dec 31 23:59:59 host app: x", "2023-12-31T23:59:59+00:00"),
        ("E0115 11:59:00.123456 1 f.go:1] x", "2024-01-15T11:59:00.123456+00:00"),
        ("plain", "2024-01-15T12:00:00+00:00"),
        ("2024-13-45 99:99:99 x", "2024-01-15T12:00:00+00:00"),
    ],
)
def test_the_time_is_the_lines_own_else_when_it_was_read(read, message: str, time: str) -> None:
    """The forms programs commonly write; years that are not written are inferred."""
    assert line(read, message)["time"].isoformat() == time


def test_the_leap_day_of_another_year_is_no_time(read) -> None:
    """February 29 without a year, read in a January: no time that was."""
    record = LINE | {"message": "Feb 29 12:00:00 h x", "read_at": "2023-01-15T12:00:00Z"}
    assert read("file", record).logs["time"].item().isoformat() == "2023-01-15T12:00:00+00:00"


def test_the_unit_is_the_name_of_the_file(read) -> None:
    """And source, subtype and severity are those of a plain line."""
    row = line(read, "plain")
    assert (row["source"], row["subtype"], row["unit"]) == ("file", "line", "app.log")
    assert row["severity"] is None


def test_a_json_line_is_opened(read) -> None:
    """Message, time and level by their usual keys; all keys stay in the attributes."""
    said = {"msg": "hi", "level": "warn", "time": "2024-02-02T00:00:00Z", "k": [1, {"x": None}]}
    row = line(read, orjson.dumps(said).decode())
    assert (row["message"], row["severity"]) == ("hi", 13)
    assert row["time"].isoformat() == "2024-02-02T00:00:00+00:00"
    assert orjson.loads(row["attributes"])["fields"] == said


@pytest.mark.parametrize(
    "message", ["{not json}", "{}", '{"a":1}', '{"a":' + "[" * 600 + "]" * 600 + "}", "{1}"]
)
def test_a_line_in_braces_without_a_message_stays_as_it_is(read, message: str) -> None:
    """Whatever stands in the braces."""
    assert line(read, message)["message"] == message


def test_a_file_written_anew_repeats_no_event(read) -> None:
    """After truncation offsets begin again; the text tells the lines apart."""
    lines = [LINE, LINE | {"message": "other"}, LINE | {"offset": 6}, LINE | {"inode": 13}]
    assert read("file", *lines).logs["event_id"].n_unique() == 4


def test_a_line_read_twice_is_one_event(read) -> None:
    """The time of reading is no part of the identity."""
    again = LINE | {"read_at": "2024-01-15T13:00:00Z"}
    assert read("file", LINE, again).logs["event_id"].n_unique() == 1


def test_a_line_without_any_time_is_set_aside(read) -> None:
    """Neither its own nor that of reading."""
    events = read("file", LINE | {"read_at": None}, LINE)
    assert (events.logs.height, events.quarantined.height) == (1, 1)
