"""What sources say about themselves."""

import pytest

REPORT = {
    "host": "h",
    "collected_at": "2024-05-01T12:00:00Z",
    "source": "gpu",
    "state": "ok",
    "reason": "no answer in 5 s",
    "hint": "See dmesg.",
}


@pytest.mark.parametrize(
    ("state", "value", "reason"),
    [
        ("ok", 1.0, None),
        ("failing", 0.0, None),
        ("hung", 0.0, None),
        ("denied", 0.0, None),
        ("absent", None, "no answer in 5 s"),
    ],
)
def test_a_report_is_a_sample_of_up(read, state: str, value, reason) -> None:
    """1 answers, 0 fails, null is not here; the reason stands where the value is null."""
    (row,) = read("status", REPORT | {"state": state}).samples.rows(named=True)
    assert (row["entity"], row["metric"], row["source"]) == ("source:gpu", "up", "app")
    assert (row["value"], row["reason"]) == (value, reason)


def test_a_source_that_works_makes_no_log_row(read) -> None:
    """Only trouble is worth a line."""
    assert read("status", REPORT).logs.height == 0


@pytest.mark.parametrize(
    ("state", "severity"), [("absent", 9), ("denied", 13), ("failing", 17), ("hung", 17)]
)
def test_trouble_is_a_log_row_with_the_hint(read, state: str, severity: int) -> None:
    """What is wrong, why, and what to do."""
    (row,) = read("status", REPORT | {"state": state}).logs.rows(named=True)
    assert row["message"] == f"Source gpu is {state}: no answer in 5 s. See dmesg."
    assert (row["source"], row["severity"]) == ("app", severity)


@pytest.mark.parametrize("change", [{"state": "odd"}, {"state": None}, {"source": None}])
def test_a_report_that_cannot_be_understood_is_set_aside(read, change) -> None:
    """Not taken for health."""
    events = read("status", REPORT | change)
    assert (events.rows, events.quarantined.height) == (0, 1)


@pytest.mark.parametrize("state", ["ok", "hung"])
def test_a_report_without_a_time_is_set_aside_once(read, state: str) -> None:
    """Whatever the state."""
    events = read("status", REPORT | {"state": state, "collected_at": "?"})
    assert (events.rows, events.quarantined.height) == (0, 1)
