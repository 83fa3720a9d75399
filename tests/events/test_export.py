"""The public export: one table of all that happened."""

import io

import polars as pl
import pytest

from boxwatch.errors import SchemaError
from boxwatch.events import LOGS, SAMPLES, combined_events, concat, empty

AT = "2024-05-01T12:00:00Z"


@pytest.fixture
def combined(read) -> pl.DataFrame:
    """One record of each kind."""
    journal = {"__CURSOR": "c", "__REALTIME_TIMESTAMP": "1714564801000000", "PRIORITY": "2"}
    events = concat(
        [
            read("systemd", journal | {"MESSAGE": "m", "_SYSTEMD_UNIT": "a.service"}),
            read("docker", {"timestamp": AT, "container_name": "web", "message": "ERROR: x"}),
            read("docker_events", {"Type": "container", "Action": "oom", "time": 1714564802}),
            read(
                "gpu",
                {"collected_at": AT, "index": "0", "temperature.gpu": "40", "fan.speed": "[N/A]"}
                | {"memory.used": "512", "utilization.gpu": "25"},
            ),
            read("host", {"collected_at": AT, "entity": "host", "load1": 1}),
        ]
    )
    names = pl.DataFrame({"host": ["box"], "entity": ["gpu:0"], "gpu_name": ["NVIDIA X"]})
    return combined_events(events.logs, events.samples, names)


def test_rows_are_sorted_by_time_in_iso_8601(combined) -> None:
    """UTC with microseconds."""
    stamps = combined["timestamp"].to_list()
    assert stamps == sorted(stamps)
    assert stamps[-1] == "2024-05-01T12:00:02.000000+00:00"


def test_a_journal_row_has_its_priority_again(combined) -> None:
    """As journald gave it; the severity number beside it."""
    row = combined.row(by_predicate=pl.col("source") == "systemd", named=True)
    assert (row["severity"], row["severity_number"]) == ("2", 18)
    assert (row["category"], row["subtype"], row["unit"]) == ("log", "systemd", "a.service")
    assert (row["message"], row["stream"]) == ("m", "journal")


def test_container_lines_and_events_have_their_categories(combined) -> None:
    """A line is a log, what the engine reports is an event."""
    rows = combined.filter(pl.col("source") == "docker")
    assert rows.select("category", "subtype", "severity").rows() == [
        ("log", "docker", None),
        ("event", "docker", None),
    ]


def test_a_gpu_reading_is_one_wide_row(combined) -> None:
    """In the units of the column names; unknown is null with the reason."""
    row = combined.row(by_predicate=pl.col("source") == "gpu", named=True)
    assert (row["category"], row["gpu_index"], row["gpu_name"]) == ("metric", 0, "NVIDIA X")
    assert (row["temperature_gpu_c"], row["utilization_gpu_pct"]) == (40.0, 25.0)
    assert (row["memory_used_mb"], row["memory_total_mb"]) == (512.0, None)
    assert (row["fan_speed_pct"], row["reason"]) == (None, "fan_speed_ratio: [N/A]")


def test_a_host_reading_is_one_row_a_metric(combined) -> None:
    """Long, as in the store."""
    row = combined.row(by_predicate=pl.col("source") == "host", named=True)
    assert (row["entity"], row["metric"], row["value"]) == ("host", "load1", 1.0)


def test_the_export_survives_jsonl_and_parquet(combined) -> None:
    """What is written is what is read."""
    text, binary = io.BytesIO(), io.BytesIO()
    combined.write_ndjson(text)
    combined.write_parquet(binary)
    binary.seek(0)
    assert pl.read_parquet(binary).equals(combined)
    assert pl.read_ndjson(text.getvalue(), schema=combined.schema).equals(combined)


def test_nothing_exports_to_an_empty_table_with_all_columns(combined) -> None:
    """The schema does not depend on what is there."""
    table = combined_events(empty(LOGS), empty(SAMPLES))
    assert (table.height, table.schema) == (0, combined.schema)


def test_a_table_without_a_column_is_refused() -> None:
    """At the door, with the column's name."""
    with pytest.raises(SchemaError, match="'message' is missing"):
        combined_events(empty(LOGS).drop("message"), empty(SAMPLES))
