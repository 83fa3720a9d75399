"""Notices: what a source tells besides its records, as rows that can be counted."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch import pulse
from boxwatch.events import RawChunk, normalise
from boxwatch.sources.notices import Gap, gap_notice

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row_of(gap):
    """The log row that a gap of the journal becomes."""
    parcel = gap_notice("box", "systemd", gap, "Give it room.")
    return normalise(RawChunk(parcel.kind, parcel.lines, "box", "o")).logs.row(0, named=True)


def test_a_gap_is_a_warning_with_its_length():
    """From, to, seconds and how many: in words and as attributes."""
    row = row_of(Gap(SINCE, SINCE + timedelta(seconds=90), 1234, "they are gone"))
    assert (row["subtype"], row["severity"], row["host"]) == ("gap", 13, "box")
    assert "1,234 records between 2026-03-01T12:00:00.000000Z" in row["message"]
    said = json.loads(row["attributes"])
    assert (said["seconds"], said["entries"], said["to"][:19]) == (90, 1234, "2026-03-01T12:01:30")


def test_a_gap_of_unknown_size_says_so():
    """Nobody can tell: null, not zero."""
    row = row_of(Gap(SINCE, SINCE, None, "the journal is another one now"))
    assert "may be lost" in row["message"]
    assert json.loads(row["attributes"])["entries"] is None


def test_a_gap_that_is_found_again_is_the_same_event():
    """A reader that was killed before it stored the gap finds it again."""
    gap = Gap(SINCE, SINCE + timedelta(seconds=1), 1, "gone")
    assert row_of(gap)["event_id"] == row_of(gap)["event_id"]
    longer = Gap(SINCE, SINCE + timedelta(seconds=2), 1, "gone")
    assert row_of(gap)["event_id"] != row_of(longer)["event_id"]


def test_gaps_are_counted():
    """By host and source, in our own metrics."""
    before = pulse.REGISTRY.value("boxwatch_gaps_total", "counted", "systemd") or 0
    gap_notice("counted", "systemd", Gap(SINCE, SINCE, 1, "gone"))
    assert pulse.REGISTRY.value("boxwatch_gaps_total", "counted", "systemd") == before + 1


@pytest.mark.parametrize("change", [{"notice": "rumour"}, {"source": "moon"}, {"notice": None}])
def test_a_notice_of_an_unknown_kind_is_set_aside(read, change):
    """With the reason; the next one is read."""
    good = {"time": "2026-03-01T12:00:00Z", "source": "systemd", "notice": "gap", "message": "m"}
    events = read("notice", good | change, good)
    assert events.logs["message"].to_list() == ["m"]
    assert "none that is known" in events.quarantined["reason"].item()
