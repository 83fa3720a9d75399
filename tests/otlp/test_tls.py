"""The token does not go over the network in plain HTTP."""

import json
import shutil
import ssl
import subprocess

import pytest
from tests.otlp.requests import GZIP, logs, packed

from boxwatch.errors import SettingError
from boxwatch.sources.otlp import OtlpOptions, OtlpSource

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=boxwatch"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return {"tls_cert": cert, "tls_key": key}


def test_records_come_over_tls(receive, pair):
    """By a sender that checks the certificate; plain HTTP gets no answer."""
    receiver = receive(token="s3cret", **pair)
    trusting = ssl.create_default_context(cafile=pair["tls_cert"])
    body, token = packed(logs("x")), {"Authorization": "Bearer s3cret"}
    assert receiver.post("/v1/logs", body, tls=trusting, **GZIP, **token)[0] == 200
    assert [row["message"] for row in receiver.rows()] == ["x"]
    with pytest.raises(OSError, match=r"."):
        receiver.post("/v1/logs", body, **GZIP, **token)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.example"])
def test_no_plain_listening_to_others(tmp_path, host, pair):
    """Refused, unless TLS is spoken here or by a proxy."""
    with pytest.raises(SettingError, match="plain HTTP"):
        OtlpSource("box", OtlpOptions(spool=tmp_path, host=host, token="x"))
    for safe in ({"tls_by_proxy": True}, pair):
        OtlpSource("box", OtlpOptions(spool=tmp_path, host=host, token="x", **safe))


def test_both_files_are_needed(tmp_path, pair):
    """A certificate without its key is no TLS."""
    with pytest.raises(SettingError, match="only one"):
        OtlpSource("box", OtlpOptions(spool=tmp_path, tls_cert=pair["tls_cert"]))


@pytest.mark.parametrize("key", ["missing", "cert.pem", "locked"])
def test_files_that_cannot_be_used_are_said(receive, pair, key):
    """The state says which, and nothing is listened on; a password is not asked for."""
    path = pair["tls_key"].with_name(key)
    if key == "locked":
        command = ["openssl", "ec", "-aes256", "-passout", "pass:x", "-in", pair["tls_key"]]
        subprocess.run([*command, "-out", path], check=True, capture_output=True)
    receiver = receive(tls_cert=pair["tls_cert"], tls_key=path)
    (chunk,) = receiver.first
    told = json.loads(chunk.lines)
    assert (told["state"], str(path) in told["reason"], receiver.source.port) == (
        "failing",
        True,
        0,
    )
