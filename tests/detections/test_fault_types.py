"""An unusual window has the type whose features explain it, or none."""

import pytest

from boxwatch.detections.fault_types import FAULT_TYPES, fault_type
from boxwatch.features import VIEWS


@pytest.mark.parametrize(
    ("view", "shares", "name"),
    [
        ("host", {"cpu_busy": 0.5, "load": 0.3, "disk_busy": 0.2}, "cpu_storm"),
        ("host", {"memory_climb": 0.6}, "memory_leak"),
        ("host", {"filesystem_used": 0.4, "disk_written": 0.3}, "disk_full"),
        ("host", {"net_small_packets": 0.9}, "network_ddos"),
        ("host", {"processes": 0.5, "load": 0.3, "cpu_busy": 0.1}, "process_explosion"),
        ("host", {"io_pressure": 0.2, "disk_latency": 0.2, "cpu_busy": 0.3}, "io_storm"),
        ("gpu", {"temperature": 0.4, "throttle": 0.2}, "thermal_throttle"),
    ],
)
def test_features_name_the_type(view, shares, name):
    """The type whose features explain most of the score."""
    assert fault_type(view, shares) == name


@pytest.mark.parametrize(
    ("view", "shares"), [("host", {}), ("host", {"cpu_busy": 0.2}), ("service", {"lines": 1.0})]
)
def test_what_is_not_explained_has_no_type(view, shares):
    """Less than a quarter, or a view without types: unknown is null."""
    assert fault_type(view, shares) is None


@pytest.mark.parametrize("view", FAULT_TYPES)
def test_types_speak_of_features_that_exist(view):
    """Every feature of every type is one of its view, and speaks for one type only."""
    named = [feature for features in FAULT_TYPES[view].values() for feature in features]
    assert set(named) <= {feature.name for feature in VIEWS[view].features}
    assert len(named) == len(set(named))
