"""Real requests to a real receiver: taken in once they lie on the disk, or refused as OTLP says."""

import gzip
import itertools
import json
import os
import socket
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from tests.otlp.conftest import Receiver
from tests.otlp.requests import GZIP, JSON, PROTOBUF, as_json, logs, metrics, packed

from boxwatch.errors import SettingError
from boxwatch.sources.otlp import OtlpOptions, OtlpSource


@pytest.mark.parametrize("how", ["protobuf", "json", "gzip"])
def test_logs_are_taken_in(receive, how):
    """However they are written: text, level, ids, exact integers, and the answer in kind."""
    receiver, request = receive(), logs("one", "two")
    body = {"protobuf": request.SerializeToString(), "json": as_json(request)}
    headers = {"protobuf": PROTOBUF, "json": JSON, "gzip": GZIP}[how]
    status, answered, answer = receiver.post("/v1/logs", body.get(how, packed(request)), **headers)
    assert (status, answered["Content-Type"]) == (200, headers["Content_Type"])
    assert answer == (b"{}" if how == "json" else ExportLogsServiceResponse().SerializeToString())
    first, second = receiver.rows()
    assert (first["scope"], first["resource"]["service.name"]) == ("engine", "vllm")
    assert (first["host"], first["service"], first["message"]) == ("gpu1", "vllm", "one")
    assert first["trace_id"] == bytes(range(16)).hex()
    assert first["span_id"] == bytes(range(8)).hex()
    assert (first["attributes"]["tokens"], first["severity_number"]) == (2**53 + 1, 17)
    assert int(second["time"]) - int(first["time"]) == 1


def test_metrics_of_use_are_taken_in(receive):
    """Others are answered with success and let go."""
    receiver = receive()
    request = metrics(("system.cpu.time", 7.5, {"state": "user"}), ("app.cats", 3.0, {}))
    assert receiver.post("/v1/metrics", packed(request), **GZIP)[0] == 200
    (row,) = receiver.rows()
    assert (row["name"], row["value"], row["attributes"]) == (
        *("system.cpu.time", 7.5),
        {"state": "user"},
    )


def test_empty_request_is_a_success(receive):
    """The specification asks for it."""
    assert receive().post("/v1/logs", b"", **PROTOBUF)[0] == 200


IN_RECORD = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [%b]}]}]}'

BAD = {
    "not protobuf": ("/v1/logs", b"\xff\xff\xff", PROTOBUF, 400),
    "not json": ("/v1/logs", b"{", JSON, 400),
    "other json": ("/v1/logs", b'{"resourceLogs": 7}', JSON, 400),
    "array": ("/v1/logs", b"[]", JSON, 400),
    "deep": ("/v1/logs", IN_RECORD % (b'{"a":' * 500 + b"1" + b"}" * 500), JSON, 400),
    "no gzip": ("/v1/logs", b"nonsense", GZIP, 400),
    "half gzip": ("/v1/logs", gzip.compress(b"x" * 1000)[:20], GZIP, 400),
    "text": ("/v1/logs", b"x", {"Content_Type": "text/plain"}, 415),
    "brotli": ("/v1/logs", b"x", {**PROTOBUF, "Content_Encoding": "br"}, 415),
    "traces": ("/v1/traces", b"", PROTOBUF, 404),
    "large": ("/v1/logs", b"x" * 2_000_000, PROTOBUF, 413),
    "bomb": ("/v1/logs", gzip.compress(b"\0" * (64 << 20)), GZIP, 413),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_request_is_refused_and_the_next_is_taken(receive, name):
    """With a status as OTLP says, in the way it was asked; nothing of it is kept."""
    path, body, headers, expected = BAD[name]
    receiver = receive(most_bytes=1 << 20)
    status, _, answer = receiver.post(path, body, **headers)
    assert status == expected
    if headers is JSON:
        assert json.loads(answer)["message"]
    assert receiver.post("/v1/logs", packed(logs("next")), **GZIP)[0] == 200
    assert [row["message"] for row in receiver.rows()] == ["next"]


def test_token_is_needed_where_one_is_set(receive):
    """A missing, a wrong and the right one."""
    receiver = receive(token="s3cret")
    body = packed(logs("x"))
    statuses = [
        receiver.post("/v1/logs", body, **GZIP, **more)[0]
        for more in ({}, {"Authorization": "Bearer no"}, {"Authorization": "bearer s3cret"})
    ]
    assert statuses == [401, 401, 200]
    assert "s3cret" not in repr(OtlpOptions(spool="x", token="s3cret"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.example"])
def test_no_listening_to_others_without_a_token(tmp_path, host):
    """Refused when it is made, before anything is bound."""
    with pytest.raises(SettingError, match="no token"):
        OtlpSource("box", OtlpOptions(spool=tmp_path, host=host))


def test_full_spool_makes_senders_wait(receive):
    """503 with Retry-After, until what was taken is stored."""
    receiver, body = receive(room=1000), packed(logs(*("x" * 100 for _ in range(10))))
    assert receiver.post("/v1/logs", body, **GZIP)[0] == 200
    status, headers, _ = receiver.post("/v1/logs", body, **GZIP)
    assert (status, headers["Retry-After"]) == (503, "5")
    assert len(receiver.rows()) == 10
    assert receiver.post("/v1/logs", body, **GZIP)[0] == 200


def test_sender_that_stalls_delays_no_other(receive):
    """A body that does not come; the next request is answered."""
    receiver = receive()
    with socket.create_connection(("127.0.0.1", receiver.source.port)) as stalled:
        stalled.sendall(
            b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n{"
        )
        assert receiver.post("/v1/logs", packed(logs("x")), **GZIP)[0] == 200


def test_what_was_acknowledged_survives_a_kill(receive):
    """A start from the last stored position hands over what came after it, once."""
    first = receive()
    first.post("/v1/logs", packed(logs("stored")), **GZIP)
    assert [row["message"] for row in first.rows()] == ["stored"]
    position = first.source.position()
    first.post("/v1/logs", packed(logs("taken, not stored")), **GZIP)
    first.rows()
    first.post("/v1/logs", packed(logs("not taken")), **GZIP)
    second = receive(json.loads(json.dumps(position)))
    again = [chunk for chunk in second.first if chunk.kind == "otlp"]
    said = [json.loads(line)["message"] for line in again[0].lines.splitlines()]
    assert said == ["taken, not stored", "not taken"]
    third = receive(second.stop())
    assert third.rows() == []


def test_half_a_line_on_the_disk_was_never_acknowledged(receive, tmp_path):
    """A crash in the middle of writing costs nobody anything."""
    first = receive()
    first.post("/v1/logs", packed(logs("whole")), **GZIP)
    (file,) = (tmp_path / "spool").iterdir()
    with file.open("ab") as spool:
        spool.write(b'{"what": "lo')
    second = receive()
    assert [len(chunk.lines.splitlines()) for chunk in second.first if chunk.kind == "otlp"] == [1]


def test_stored_files_are_removed(receive, tmp_path):
    """What was stored does not stay on the disk for ever."""
    position = {}
    for number in range(5):
        receiver = receive(position)
        receiver.post("/v1/logs", packed(logs(str(number))), **GZIP)
        assert len(receiver.rows()) == 1
        receiver.read()
        position = receiver.stop()
    assert len(os.listdir(tmp_path / "spool")) <= 2


def test_port_that_is_taken_is_said(receive):
    """Failing with the reason; `check` says it too."""
    first = receive()
    second = receive(port=first.source.port)
    (chunk,) = second.first
    assert json.loads(chunk.lines)["state"] == "failing"
    assert second._runner.run(second.source.probe()).state == "failing"


def test_many_senders_at_once_lose_nothing(receive):
    """Twenty senders with ten requests each, while records are read."""
    receiver = receive()

    def send(number):
        for request in range(10):
            body = packed(logs(f"{number} {request}"))
            assert receiver.post("/v1/logs", body, **GZIP)[0] == 200

    senders = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for sender in senders:
        sender.start()
    got = []
    while any(sender.is_alive() for sender in senders):
        got += receiver.rows()
    got += receiver.rows()
    assert sorted(row["message"] for row in got) == sorted(
        f"{a} {b}" for a in range(20) for b in range(10)
    )


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """One receiver for many requests."""
    receiver = Receiver(tmp_path_factory.mktemp("standing"))
    yield receiver
    receiver.stop()


NUMBERS = itertools.count()
BODIES = st.binary(max_size=60) | st.tuples(
    st.just(logs("a", "b").SerializeToString()), st.integers(0, 90), st.binary(max_size=3)
).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :])


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    body=BODIES,
    path=st.sampled_from(["/v1/logs", "/v1/metrics"]),
    headers=st.sampled_from([PROTOBUF, JSON, GZIP]),
)
def test_no_body_breaks_the_receiver(standing, body, path, headers):
    """Any bytes are answered, and the next request is taken in."""
    assert standing.post(path, body, **headers)[0] in (200, 400, 413)
    sound = f"sound {next(NUMBERS)}"
    assert standing.post("/v1/logs", packed(logs(sound)), **GZIP)[0] == 200
    assert [row["message"] for row in standing.rows()][-1] == sound
