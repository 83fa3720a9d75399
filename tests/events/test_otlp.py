"""What OpenTelemetry sends, as rows and samples."""

import json

import pytest

from boxwatch.events import RawChunk, normalise

AT = "1772366400123456789"
LOG = {
    "what": "log",
    "host": "gpu1",
    "received_at": "2026-03-01T12:00:05Z",
    "time": AT,
    "severity_number": 13,
    "severity_text": "",
    "message": "slow",
    "service": "vllm",
    "attributes": {"tokens": 2**53 + 1},
    "resource": {"host.name": "gpu1"},
}
POINT = {"what": "metric", "host": "gpu1", "received_at": "2026-03-01T12:00:05Z", "time": AT}


def events(*rows):
    """The events of raw rows."""
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return normalise(RawChunk("otlp", lines, "box", "test"))


def points(*told, service=None):
    """The samples of data points: name, value and attributes; by entity and metric."""
    rows = [
        POINT | {"name": name, "value": value, "attributes": more, "service": service}
        for name, value, more in told
    ]
    found = events(*rows)
    assert found.quarantined.is_empty()
    return {(row["entity"], row["metric"]): row for row in found.samples.iter_rows(named=True)}


def test_log_record_is_a_row():
    """Time, service, level and what else was said, integers exact."""
    row = events(LOG).logs.row(0, named=True)
    assert (row["host"], row["source"], row["unit"], row["severity"]) == ("gpu1", "app", "vllm", 13)
    assert row["time"].isoformat() == "2026-03-01T12:00:00.123456+00:00"
    assert json.loads(row["attributes"])["attributes"] == {"tokens": 2**53 + 1}


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"severity_number": 0, "severity_text": "WARN"}, 13),
        ({"severity_number": 0, "message": "ERROR: no"}, 17),
        ({"severity_number": 99}, None),
    ],
)
def test_level_that_is_not_given_is_found(more, severity):
    """By its word, or in the text, or it is unknown."""
    assert events(LOG | more).logs["severity"][0] == severity


def test_time_that_is_not_given_is_when_it_came():
    """Zero is no time."""
    assert events(LOG | {"time": "0"}).logs["time"][0].second == 5


def test_record_without_text_is_its_event():
    """Events have a name in place of a body."""
    assert events(LOG | {"message": "", "event_name": "e"}).logs["message"][0] == "e"


def test_record_that_is_sent_again_has_the_same_id():
    """And another one has another."""
    ids = events(LOG, LOG | {"received_at": "2026-03-01T12:01:00Z"}, LOG | {"message": "y"}).logs
    first, second, third = ids["event_id"]
    assert first == second != third


def test_cores_and_states_are_added_up():
    """Busy time is all but idle and waiting, over all cores."""
    cpu = "system.cpu.time"
    samples = points(
        (cpu, 1.0, {"cpu": "cpu0", "state": "user"}),
        (cpu, 2.0, {"cpu": "cpu1", "cpu.mode": "system"}),
        (cpu, 4.0, {"cpu": "cpu0", "state": "wait"}),
    )
    assert samples["host", "cpu_busy_seconds_total"]["value"] == 3.0
    assert samples["host", "cpu_iowait_seconds_total"]["value"] == 4.0


def test_parts_are_entities():
    """Devices, mount points and GPUs; units are base units; one point may say two things."""
    samples = points(
        ("system.disk.io", 7.0, {"device": "nvme0n1", "direction": "write"}),
        ("system.filesystem.usage", 30.0, {"mountpoint": "/", "state": "free"}),
        ("system.filesystem.usage", 70.0, {"mountpoint": "/", "state": "used"}),
        ("DCGM_FI_DEV_GPU_UTIL", 50.0, {"gpu": "3"}),
    )
    assert samples["disk:nvme0n1", "written_bytes_total"]["value"] == 7.0
    assert samples["fs:/", "size_bytes"]["value"] == 100.0
    assert samples["fs:/", "available_bytes"]["value"] == 30.0
    assert samples["gpu:3", "utilization_ratio"]["value"] == 0.5


def test_model_server_scraped_by_a_collector_is_a_service():
    """By its own names, as at its endpoint."""
    samples = points(
        ("vllm:num_requests_running", 3.0, {"engine": "0"}),
        ("vllm:num_requests_running", 2.0, {"engine": "1"}),
        ("vllm:time_to_first_token_seconds_sum", 1.5, {}),
        service="vllm",
    )
    assert samples["service:vllm", "requests_running"]["value"] == 5.0
    assert samples["service:vllm", "first_token_seconds_total"]["value"] == 1.5


def test_unknown_value_is_unknown_with_the_reason():
    """Never zero, also where others are added to it."""
    cpu = "system.cpu.time"
    samples = points((cpu, "it is no number", {"state": "user"}), (cpu, 2.0, {"state": "system"}))
    found = samples["host", "cpu_busy_seconds_total"]
    assert (found["value"], found["reason"]) == (None, "it is no number")


def test_points_that_say_nothing_of_use_are_set_aside():
    """A name that is not known, no device, no time; none is lost without a word."""
    strange = [
        POINT | {"name": "cats", "value": 1.0, "attributes": {}},
        POINT | {"name": "system.disk.io", "value": 1.0, "attributes": {"direction": "read"}},
        POINT | {"name": "system.uptime", "value": 1.0, "time": "x", "received_at": "x"},
        {"what": "else"},
    ]
    found = events(*strange)
    assert (found.quarantined.height, found.samples.height, found.logs.height) == (4, 0, 0)
