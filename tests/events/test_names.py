"""What origins call themselves carries nothing that a terminal obeys."""

from __future__ import annotations

import json

import pytest

from boxwatch.events import RawChunk, normalise


@pytest.mark.parametrize("name", ["h\x1b]0;OWNED\x07", "h\nFAKE LINE", "h\u202eetxt"])
def test_a_host_name_loses_its_controls(name):
    """Escapes, line ends and text directions become U+FFFD; the row stays."""
    record = {
        "__CURSOR": "a",
        "__REALTIME_TIMESTAMP": "1700000000000000",
        "_HOSTNAME": name,
        "MESSAGE": "hello",
    }
    chunk = RawChunk("systemd", json.dumps(record).encode() + b"\n", "box", "test")
    host = normalise(chunk).logs["host"].item()
    assert host.startswith("h\ufffd")
    assert not set(host) & set("\x1b\x07\n\u202e")
