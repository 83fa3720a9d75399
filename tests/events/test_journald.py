"""journald records: every form a field can take, and what the record is about."""

import orjson
import pytest

T = 1_700_000_000_123_456
BASE = {"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": str(T), "_HOSTNAME": "h", "MESSAGE": "m"}


def journal(read, **fields):
    """The log row of one record."""
    (row,) = read("systemd", BASE | fields).logs.rows(named=True)
    return row


def test_a_record_becomes_a_log_row(read) -> None:
    """Time in microseconds UTC, host, source, subtype, unit and message."""
    row = journal(read, _SYSTEMD_UNIT="a.service", PRIORITY="6")
    assert row["time"].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert (row["host"], row["source"], row["subtype"]) == ("h", "systemd", "journal")
    assert (row["unit"], row["message"], row["severity"]) == ("a.service", "m", 9)


@pytest.mark.parametrize(
    ("priority", "number"),
    [("0", 21), ("1", 19), ("2", 18), ("3", 17), ("4", 13), ("5", 10), ("6", 9), ("7", 5)],
)
def test_priority_becomes_a_severity_number(read, priority: str, number: int) -> None:
    """The mapping of the OpenTelemetry logs data model."""
    assert journal(read, PRIORITY=priority)["severity"] == number


@pytest.mark.parametrize("priority", ["8", "-1", "err", "", None])
def test_a_priority_that_is_none_is_unknown(read, priority) -> None:
    """Null, not a default."""
    assert journal(read, PRIORITY=priority)["severity"] is None


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ([104, 105, 255, 10], "hi\ufffd"),
        (list(b"\x1b[31mred\x1b[0m"), "red"),
        ("[104, 105]", "[104, 105]"),
        ([], ""),
        (["first", "second"], "first"),
        ([[104, 105], "second"], "hi"),
        ([300, 1], "300"),
    ],
)
def test_a_message_in_any_form_is_text(read, message, text: str) -> None:
    """Bytes are decoded, of repeated fields the first counts, a string that looks so stays."""
    assert journal(read, MESSAGE=message)["message"] == text


def test_a_message_too_large_for_the_reader_is_empty_and_says_so(read) -> None:
    """The journal reader prints null for a field beyond its limit."""
    row = journal(read, MESSAGE=None)
    assert row["message"] == ""
    assert orjson.loads(row["attributes"])["message"] == "too large for the journal reader"


def test_a_repeated_field_gives_its_first_value_and_keeps_all(read) -> None:
    """The unit is the first; the attributes have both."""
    row = journal(read, _SYSTEMD_UNIT=["a.service", "b.service"])
    assert row["unit"] == "a.service"
    repeated = orjson.loads(row["attributes"])["repeated"]
    assert repeated == {"_SYSTEMD_UNIT": ["a.service", "b.service"]}


@pytest.mark.parametrize(
    ("fields", "unit"),
    [
        ({"UNIT": "x.service", "_SYSTEMD_UNIT": "init.scope", "_PID": "1"}, "x.service"),
        ({"USER_UNIT": "x", "_SYSTEMD_UNIT": "user@1.service", "_COMM": "systemd"}, "x"),
        ({"UNIT": "x.service", "_SYSTEMD_UNIT": "liar.service", "_PID": "9"}, "liar.service"),
        ({"_SYSTEMD_UNIT": "a.service", "SYSLOG_IDENTIFIER": "a"}, "a.service"),
        ({"SYSLOG_IDENTIFIER": "a"}, "a"),
        ({}, None),
    ],
)
def test_the_unit_is_the_one_the_record_is_about(read, fields, unit) -> None:
    """What systemd says about a unit belongs to it; no other program may claim that."""
    assert journal(read, **fields)["unit"] == unit


def test_kernel_records_in_the_journal_are_of_the_kernel(read) -> None:
    """The transport says so."""
    row = journal(read, _TRANSPORT="kernel", SYSLOG_IDENTIFIER="kernel")
    assert (row["source"], row["unit"]) == ("kernel", "kernel")


@pytest.mark.parametrize(
    ("fields", "host"),
    [({}, "h"), ({"_HOSTNAME": None}, "box"), ({"host": "alias"}, "alias")],
)
def test_the_record_knows_its_host_best(read, fields, host: str) -> None:
    """A host the collector added, else the journal's, else the chunk's."""
    assert journal(read, **fields)["host"] == host


def test_the_id_is_that_of_the_cursor(read) -> None:
    """Stable over versions and machines: xxh3-64 of the cursor's bytes."""
    assert journal(read)["event_id"] == 13470559784038799158
    assert journal(read, MESSAGE="other")["event_id"] == journal(read)["event_id"]


def test_without_a_cursor_boot_time_and_message_identify(read) -> None:
    """Exports without cursors still tell records apart."""
    bare = {"__CURSOR": None, "_BOOT_ID": "b", "__MONOTONIC_TIMESTAMP": "7"}
    ids = {
        journal(read, **bare | change)["event_id"]
        for change in ({}, {"_BOOT_ID": "c"}, {"__MONOTONIC_TIMESTAMP": "8"}, {"MESSAGE": "n"})
    }
    assert len(ids) == 4
    assert journal(read, **bare)["event_id"] in ids


@pytest.mark.parametrize("time", [None, "", "soon", "-1", str(10**30), "99999999999999999"])
def test_a_record_without_a_usable_time_is_set_aside(read, time) -> None:
    """With the reason; the next record is read."""
    events = read("systemd", BASE | {"__REALTIME_TIMESTAMP": time}, BASE)
    assert events.logs.height == 1
    assert events.quarantined["reason"].to_list() == ["no usable time"]


def test_container_fields_and_parts_of_one_line(read) -> None:
    """The engine's journald driver: parts are joined per container, in order."""
    part = {"CONTAINER_PARTIAL_MESSAGE": "true"}
    records = [
        BASE | {"CONTAINER_ID_FULL": "a", "CONTAINER_NAME": "web", "MESSAGE": "one "} | part,
        BASE | {"CONTAINER_ID_FULL": "b", "MESSAGE": "other"},
        BASE | {"CONTAINER_ID_FULL": "a", "MESSAGE": "line"},
    ]
    logs = read("systemd", *records).logs
    assert logs["message"].to_list() == ["one line", "other"]
    assert logs["container_id"].to_list() == ["a", "b"]
    assert logs["container_name"].to_list() == ["web", None]


@pytest.mark.parametrize(
    ("message", "severity"), [("INFO: started", 9), ("ERROR: lost", 17), ("plain", None)]
)
def test_the_stream_of_a_container_is_no_severity(read, message: str, severity) -> None:
    """Docker's driver calls all of stderr an error and all of stdout information."""
    for priority in ("3", "6"):
        row = journal(read, CONTAINER_ID_FULL="a", PRIORITY=priority, MESSAGE=message)
        assert row["severity"] == severity


def test_parts_of_two_streams_are_two_lines(read) -> None:
    """Parts of a container's streams may come mixed; what a part states does not matter."""
    part = {"CONTAINER_ID_FULL": "a", "CONTAINER_PARTIAL_MESSAGE": "true"}
    last = {"CONTAINER_ID_FULL": "a"}
    records = [
        BASE | {"MESSAGE": "ERROR: one ", "PRIORITY": "6"} | part,
        BASE | {"MESSAGE": "two ", "PRIORITY": "3"} | part,
        BASE | {"MESSAGE": "end", "PRIORITY": "6"} | last,
        BASE | {"MESSAGE": "WARNING", "PRIORITY": "3"} | last,
    ]
    logs = read("systemd", *records).logs
    assert logs["message"].to_list() == ["ERROR: one end", "two WARNING"]


def test_attributes_keep_what_else_was_said(read) -> None:
    """As valid JSON, whatever the fields hold."""
    row = journal(read, _PID="7", _COMM='a"b\\c\n', EXIT_STATUS="137", MESSAGE_ID="f" * 32)
    said = orjson.loads(row["attributes"])
    assert said == {"pid": "7", "comm": 'a"b\\c\n', "exit_status": "137", "message_id": "f" * 32}


def test_every_field_of_the_facts_is_kept(read) -> None:
    """What a driver or a container says of itself beside the line."""
    fields = {
        "_UID": "1000",
        "_KERNEL_SUBSYSTEM": "pci",
        "_KERNEL_DEVICE": "+pci:0000:41:00.0",
        "CONTAINER_TAG": "demo",
        "IMAGE_NAME": "vllm/vllm-openai",
        "_SYSTEMD_INVOCATION_ID": "1" * 32,
        "EXIT_CODE": "exited",
    }
    said = orjson.loads(journal(read, **fields)["attributes"])
    assert sorted(said.values()) == sorted(fields.values())
    assert said["kernel_device"] == "+pci:0000:41:00.0"


def test_a_machine_of_another_name_keeps_its_own(read) -> None:
    """Where the host is called otherwise here, or the journal gathers many machines."""
    row = journal(read, host="gpu-1", _HOSTNAME="ip-10-0-0-7")
    assert (row["host"], orjson.loads(row["attributes"])) == ("gpu-1", {"hostname": "ip-10-0-0-7"})
    assert journal(read, host="h")["attributes"] is None


def test_the_unit_of_a_person_is_not_their_manager(read) -> None:
    """A service of a user's own systemd runs within user@UID.service."""
    fields = {"_SYSTEMD_UNIT": "user@1000.service", "_SYSTEMD_USER_UNIT": "ollama.service"}
    assert journal(read, **fields)["unit"] == "ollama.service"


def test_a_huge_message_is_cut_and_kept_whole_aside(read) -> None:
    """64 Ki characters stay; the record is in quarantine; the row says how long it was."""
    events = read("systemd", BASE | {"MESSAGE": "é" * 5_000_000}, BASE)
    assert events.logs["message"].str.len_chars().to_list() == [65_536, 1]
    said = orjson.loads(events.logs["attributes"][0])
    assert said == {"truncated_from_bytes": 10_000_000}
    assert events.quarantined["record"].str.len_chars().item() > 5_000_000
