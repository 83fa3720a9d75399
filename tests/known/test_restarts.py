"""Restarts of a system as findings: how it went down decides how bad it is."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.known.stream import logs, of_logs

from boxwatch.detections.known import KnownFailures
from boxwatch.events import Events, RawChunk, normalise
from boxwatch.sources.notices import Restart, restart_notice

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(shut_down):
    """The events of a restart after 42 s."""
    restart = Restart("b" * 32, "a" * 32, FIRST, FIRST - timedelta(seconds=42), shut_down)
    parcel = restart_notice("box", "systemd", restart)
    return normalise(RawChunk(parcel.kind, parcel.lines, "box", "journalctl"))


@pytest.mark.parametrize(
    ("shut_down", "rule", "severity"),
    [
        (True, "host-restarted", "low"),
        (False, "host-crashed", "high"),
        (None, "host-restarted-unseen", "medium"),
    ],
)
def test_a_restart_is_found_by_what_its_source_tells(shut_down, rule, severity):
    """From the notice to the finding, on the host."""
    (found,) = KnownFailures().add(told(shut_down), FIRST + timedelta(seconds=1))
    assert (found.name, found.severity, found.host, found.entity) == (rule, severity, "box", "host")


def test_a_program_that_says_so_is_not_believed():
    """Only the source can give a line that kind."""
    message = told(False).logs["message"].item()
    row = {"source": "systemd", "subtype": "journal", "unit": "boxwatch", "message": message}
    assert of_logs(logs([(0, row)])) == {}


def test_the_row_tells_boots_and_time():
    """A log row of its own kind, with what a person asks first."""
    events = told(False)
    row = events.logs.row(0, named=True)
    assert (row["source"], row["subtype"], row["severity"]) == ("systemd", "system restart", 17)
    said = json.loads(row["attributes"])
    assert (said["silent_seconds"], said["previous_boot_id"]) == (42.0, "a" * 32)
    assert isinstance(events, Events)
