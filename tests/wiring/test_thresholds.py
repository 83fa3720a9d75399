"""`detect --explain-threshold`: every threshold told with what it rests on."""

from __future__ import annotations

import pytest
from tests.wiring.command import boxwatch, well

from boxwatch.features import VIEWS
from boxwatch.models import threshold
from boxwatch.store import EventStore


@pytest.fixture(scope="module")
def told(way):
    """The thresholds of a folder that was judged."""
    return well("detect", "--explain-threshold", "--json", "--data", way.data).json


def test_each_entity_has_its_part_of_the_budget(told):
    """A week's false alarms of a host are shared by views, and there by entities."""
    assert told["false_alarms_per_host_week"] == 1.0
    assert told["views"] == list(VIEWS)
    cards = [one for one in told["entities"] if one["view"] == "gpu"]
    assert {one["entity"] for one in cards} == {"gpu:0", "gpu:1"}
    for card in cards:
        assert card["entities_on_host"] == 2
        assert card["false_alarms_per_week"] == pytest.approx(1 / len(VIEWS) / 2)
        once = threshold(1.0, VIEWS["gpu"].window_s, 2.0, 1 / len(VIEWS))
        assert card["p_value"] == pytest.approx(card["in_a_row"] * once)


def test_each_detector_says_what_its_p_values_rest_on(told):
    """Held-out windows, the tail with its fit, and the score that opens a finding."""
    host = next(one for one in told["entities"] if one["view"] == "host")
    assert host["model"].startswith("host-")
    first = host["detectors"][0]
    assert (first["detector"], first["believes"]) == ("robust_z", "reference")
    assert first["p_value"] == pytest.approx(host["p_value"] / len(host["detectors"]))
    assert first["score"] > first["calibration"]["joint"]
    tail = first["calibration"]
    assert tail["windows"] > 100
    assert tail["fits"] == (tail["ks"] <= tail["ks_limit"])


def test_it_is_told_in_words(way):
    """The same, for a person to follow."""
    said = well("detect", "--explain-threshold", "--data", way.data).out
    assert "Budget of a host: 1 false alarm a week" in said
    assert "There is 1 host." in said
    assert "robust_z: p <=" in said
    assert "held-out windows" in said


def test_where_nothing_was_judged_it_says_what_to_do(tmp_path):
    """A folder without judged windows has no thresholds."""
    EventStore.open(tmp_path, writable=True).close()
    refused = boxwatch("detect", "--explain-threshold", "--data", tmp_path)
    assert refused.status == 2
    assert "boxwatch detect" in refused.err
