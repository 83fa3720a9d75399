"""Kernel log records."""

import pytest

RECORD = {
    "host": "h",
    "timestamp": "2024-05-01T12:00:00.123456Z",
    "priority": 3,
    "message": "NVRM: Xid (PCI:0000:83:00): 79",
    "sequence": 5,
}


def test_a_record_becomes_a_log_row(read) -> None:
    """Source kernel, with the severity of its level."""
    (row,) = read("kernel", RECORD).logs.rows(named=True)
    assert row["time"].isoformat() == "2024-05-01T12:00:00.123456+00:00"
    assert (row["source"], row["unit"], row["severity"]) == ("kernel", "kernel", 17)
    assert row["attributes"] == '{"sequence":"5"}'


@pytest.mark.parametrize(
    ("priority", "severity"), [(30, 9), ("6", 9), (8, 21), (-1, None), ("x", None), (None, None)]
)
def test_the_facility_is_no_part_of_the_level(read, priority, severity) -> None:
    """Records carry facility * 8 + level."""
    assert read("kernel", RECORD | {"priority": priority}).logs["severity"].item() == severity


@pytest.mark.parametrize(
    "time", ["2024-05-01T12:00:00.123456+00:00", "1714564800123456", "1714564800123", "1714564800"]
)
def test_a_time_in_any_written_form_is_read(read, time: str) -> None:
    """RFC 3339, or a number whose size tells its unit."""
    found = read("kernel", RECORD | {"timestamp": time}).logs["time"].item()
    assert found.isoformat().startswith("2024-05-01T12:00:00")


def test_a_sequence_number_of_another_boot_is_another_event(read) -> None:
    """Numbers begin again at every boot, with the same messages."""
    boots = [RECORD | {"boot_id": boot} for boot in ("a", "b")]
    assert read("kernel", *boots).logs["event_id"].n_unique() == 2


def test_a_record_is_the_same_however_its_time_is_computed(read) -> None:
    """Wall times of kernel records shift by microseconds from one reading to the next."""
    records = [RECORD | {"boot_id": "a", "timestamp": f"2024-05-01T12:00:0{n}Z"} for n in (0, 1)]
    assert read("kernel", *records).logs["event_id"].n_unique() == 1
