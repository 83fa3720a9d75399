"""Requests that come again, and requests that hold more than is worth taking."""

import json
import subprocess
import sys

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from tests.otlp.requests import GZIP, JSON, PROTOBUF, as_json, logs, metrics, packed

from boxwatch.sources.spool import Spool


def messages(receiver):
    """The texts that came."""
    return [row["message"] for row in receiver.rows()]


def test_request_that_is_sent_again_is_kept_once(receive):
    """By a sender that did not hear the answer: a success, and nothing twice."""
    receiver, body = receive(), packed(logs("one", "two"))
    assert [receiver.post("/v1/logs", body, **GZIP)[0] for _ in range(3)] == [200] * 3
    assert messages(receiver) == ["one", "two"]
    assert receiver.post("/v1/logs", body, **GZIP)[0] == 200
    assert receiver.post("/v1/logs", packed(logs("one", "three")), **GZIP)[0] == 200
    assert messages(receiver) == ["one", "three"]


def test_readings_that_are_sent_again_are_kept_once(receive):
    """As log records."""
    receiver = receive()
    body = packed(metrics(("system.cpu.time", 7.5, {"state": "user"})))
    assert [receiver.post("/v1/metrics", body, **GZIP)[0] for _ in range(2)] == [200, 200]
    assert len(receiver.rows()) == 1


@pytest.mark.parametrize("stored", [False, True])
def test_request_is_known_after_a_kill(receive, stored):
    """Whether its records were stored before or not."""
    first, body = receive(), packed(logs("once"))
    first.post("/v1/logs", body, **GZIP)
    position = first.source.position()
    if stored:
        assert messages(first) == ["once"]
        position = first.source.position()
    second = receive(json.loads(json.dumps(position)))
    assert sum(chunk.kind == "otlp" for chunk in second.first) == (not stored)
    third = receive(second.stop())
    assert third.post("/v1/logs", body, **GZIP)[0] == 200
    assert messages(third) == []


def test_records_without_a_time_may_come_again(receive):
    """What says no time is another one each time."""
    request = logs("beat")
    request.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = 0
    receiver = receive()
    for _ in range(2):
        assert receiver.post("/v1/logs", packed(request), **GZIP)[0] == 200
    assert messages(receiver) == ["beat", "beat"]


def test_requests_are_forgotten_in_time(tmp_path):
    """After ten minutes, so that the memory of them is bounded."""
    spool = Spool(tmp_path, {})
    spool.add(b"{}\n", "ab", 1000.0)
    assert spool.knows("ab", 1599.0)
    assert not spool.knows("ab", 1600.0)
    spool.add(b"{}\n", "cd", 1700.0)
    assert not spool.knows("ab", 1001.0)
    spool.close()


def test_request_that_was_cut_off_counts_as_never_sent(tmp_path):
    """Its first lines lie on the disk, but nobody was told that it arrived."""
    spool = Spool(tmp_path, {})
    spool.add(b'{"a":1}\n', "ab", 1000.0)
    spool.close()
    (file,) = tmp_path.iterdir()
    with file.open("ab") as half:
        half.write(b'{"a":2}\n{"a":')
    again = Spool(tmp_path, {})
    assert again.take() == b'{"a":1}\n'
    again.close()


@pytest.mark.parametrize("how", [PROTOBUF, JSON])
def test_records_beyond_the_limit_are_told_as_rejected(receive, monkeypatch, how):
    """As the specification says: a success that counts what was not taken."""
    monkeypatch.setattr("boxwatch.sources.otlp.MOST_RECORDS", 3)
    receiver, request = receive(), logs(*"abcde")
    body = as_json(request) if how is JSON else request.SerializeToString()
    status, _, answer = receiver.post("/v1/logs", body, **how)
    if how is JSON:
        rejected = json.loads(answer)["partialSuccess"]["rejectedLogRecords"]
    else:
        told = ExportLogsServiceResponse.FromString(answer)
        rejected = told.partial_success.rejected_log_records
    assert (status, int(rejected)) == (200, 2)
    assert messages(receiver) == ["a", "b", "c"]


def test_readings_beyond_the_limit_are_told_as_rejected(receive, monkeypatch):
    """In the field of metrics."""
    monkeypatch.setattr("boxwatch.sources.otlp.MOST_RECORDS", 2)
    body = packed(metrics(*[("system.cpu.time", 1.0, {"state": "user"})] * 3))
    status, _, answer = receive().post("/v1/metrics", body, **GZIP)
    told = ExportMetricsServiceResponse.FromString(answer).partial_success
    assert (status, told.rejected_data_points) == (200, 1)
    assert "2 records were taken" in told.error_message


def nested(*numbers, inner):
    """`inner` in messages within messages, by the numbers of their fields."""
    for number in reversed(numbers):
        length, size = len(inner), b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        inner = bytes([number << 3 | 2]) + size + bytes([length]) + inner
    return inner


MANY = 5_000_000
FLOODS = {
    "groups": ("logs", b"\x0a\x00" * MANY, PROTOBUF),
    "scopes": ("logs", nested(1, inner=b"\x12\x00" * MANY), PROTOBUF),
    "records": ("logs", nested(1, 2, inner=b"\x12\x00" * MANY), PROTOBUF),
    "attributes": ("logs", nested(1, 2, 2, inner=b"\x32\x00" * MANY), PROTOBUF),
    "of a resource": ("logs", nested(1, 1, inner=b"\x0a\x00" * MANY), PROTOBUF),
    "points": ("metrics", nested(1, 2, 2, 5, inner=b"\x0a\x00" * MANY), PROTOBUF),
    "objects": ("logs", b'{"resourceLogs":[' + b"{}," * MANY + b"{}]}", JSON),
    "numbers": ("logs", b'{"resourceLogs":[' + b"7," * MANY + b"{}]}", JSON),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_of_tiny_messages_is_refused(name):
    """Ten megabytes that would become hundreds: 413, within sixty megabytes."""
    signal, body, how = FLOODS[name]
    code = (
        "import sys, resource\n"
        "from boxwatch.sources.otlp_pieces import TooMany\n"
        "from boxwatch.sources.otlp_records import Envelope, decode_logs, decode_metrics\n"
        "body = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try:\n    decode_{signal}(body, Envelope({how is JSON}, '', 'box', 1000))\n"
        "except TooMany as error:\n    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=body, capture_output=True, check=True)
    said, grown = done.stdout.decode().splitlines()
    assert "more than" in said or "too many" in said
    assert int(grown) < 60_000


def test_flood_is_answered_with_413(receive):
    """And the next request is taken."""
    receiver = receive()
    body = nested(1, 2, 2, inner=b"\x32\x00" * 200_000)
    status, _, answer = receiver.post("/v1/logs", body, **PROTOBUF)
    assert (status, b"100,000 values" in answer) == (413, True)
    assert receiver.post("/v1/logs", packed(logs("next")), **GZIP)[0] == 200
    assert messages(receiver) == ["next"]
