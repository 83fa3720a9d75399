"""The recording: files, spelling, determinism."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from boxwatch.errors import UsageError
from boxwatch.events.metrics import METRICS
from boxwatch.events.schema import RAW_KINDS
from boxwatch.features.host import METRICS as HOST_METRICS
from boxwatch.sources.simulated import FAULTS, fault_help, simulate

from .conftest import START, Recording

Recorded = Callable[..., Recording]


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """Two runs with one seed are byte for byte the same."""
    for name in ("a", "b"):
        simulate(tmp_path / name, seed=3, start=START, hours=1.5)
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")


def test_other_seed_other_recording(recorded: Recorded) -> None:
    """Another seed gives another day."""
    assert recorded(seed=7).lines("gpu") != recorded(seed=8).lines("gpu")


def test_files_are_named_by_kind_and_hour(recorded: Recorded) -> None:
    """Each file lies in the folder of its kind and bears the start of its hour."""
    root = recorded().root / "ingested"
    names = {str(path.relative_to(root)) for path in root.rglob("*.jsonl")}
    for kind in ("systemd", "docker", "docker_events", "gpu", "host"):
        folder, prefix = RAW_KINDS[kind]
        assert {f"{folder}/{prefix}_20260506_{h}0000.jsonl" for h in ("09", "10")} <= names


def test_start_within_an_hour(tmp_path: Path) -> None:
    """A recording that starts at 9:40 has files of the hours 9 and 10."""
    simulate(tmp_path, seed=1, start=START + timedelta(minutes=40), hours=0.5)
    names = sorted(path.name for path in tmp_path.glob("ingested/gpu/gpu_metrics_*"))
    assert names == ["gpu_metrics_20260506_090000.jsonl", "gpu_metrics_20260506_100000.jsonl"]


@pytest.mark.parametrize("kind", ["systemd", "docker", "docker_events", "gpu", "host", "status"])
def test_every_line_is_one_json_object(recorded: Recorded, kind: str) -> None:
    """Each line of each file is one JSON object."""
    records = recorded().records(kind)
    assert records
    assert all(isinstance(record, dict) for record in records)


def test_journal_records_carry_strings_only(recorded: Recorded) -> None:
    """As journalctl prints them: no nulls, no numbers, a cursor that never repeats."""
    records = recorded().records("systemd")
    assert {type(value) for record in records for value in record.values()} == {str}
    cursors = [record["__CURSOR"] for record in records]
    assert len(set(cursors)) == len(cursors)


def test_kernel_lines_have_no_unit(recorded: Recorded) -> None:
    """Kernel lines travel by the kernel transport and belong to no unit."""
    records = recorded("gpu_off_bus").records("systemd")
    kernel = [r for r in records if r["_TRANSPORT"] == "kernel"]
    assert kernel
    assert all("_SYSTEMD_UNIT" not in r and r["SYSLOG_IDENTIFIER"] == "kernel" for r in kernel)


def test_what_a_unit_prints_has_one_priority(recorded: Recorded) -> None:
    """Standard output reaches the journal at priority 6, whatever it says."""
    records = recorded("service_failure").records("systemd")
    assert {r["PRIORITY"] for r in records if r["_TRANSPORT"] == "stdout"} == {"6"}


def test_container_lines_have_nanoseconds(recorded: Recorded) -> None:
    """Container lines carry RFC 3339 with nine digits, as docker does."""
    stamps = [str(record["timestamp"]) for record in recorded().records("docker")]
    assert all(re.fullmatch(r"2026-05-06T\d\d:\d\d:\d\d\.\d{9}Z", stamp) for stamp in stamps)


def test_no_placeholder_is_left(recorded: Recorded) -> None:
    """Every time that a line itself carries was filled in."""
    recording = recorded("container_crash_loop")
    assert not [
        li for kind in ("systemd", "docker") for li in recording.lines(kind) if b"{ts}" in li
    ]


def test_host_metrics_are_known(recorded: Recorded) -> None:
    """Every field of a host row is a metric of that kind of entity."""
    for record in recorded().records("host"):
        entity = str(record["entity"]).partition(":")[0]
        names = set(record) - {"host", "collected_at", "entity"}
        assert names <= {name for name, metric in METRICS.items() if metric.entity == entity}


def test_every_host_metric_that_is_judged_is_there(recorded: Recorded) -> None:
    """No metric that a feature of the host is made of is missing."""
    found = {name for record in recorded().records("host") for name in record}
    assert {name for name in HOST_METRICS if name in METRICS} <= found


def test_gpu_values_are_printed_text(recorded: Recorded) -> None:
    """GPU values are text in nvidia-smi's spelling, without units."""
    row = recorded().records("gpu")[100]
    assert {type(value) for value in row.values()} == {str}
    assert re.fullmatch(r"\d+\.\d\d", str(row["power.draw.instant"]))
    assert re.fullmatch(r"0x[0-9A-F]{16}", str(row["clocks_event_reasons.active"]))
    assert re.fullmatch(r"P\d", str(row["pstate"]))
    assert row["temperature.memory"] == "N/A"


def test_few_samples_are_missing(recorded: Recorded) -> None:
    """A sampler misses a reading now and then, but not many."""
    seconds = 4 * 3600
    rows = recorded(hours=4).readings("gpu:0").height
    assert 0.99 * seconds < rows < seconds


def test_progress_ends_at_one(tmp_path: Path) -> None:
    """Progress is told after every hour and ends at one."""
    heard: list[float] = []
    simulate(tmp_path, seed=1, start=START, hours=2, faults=(), progress=heard.append)
    assert heard == [0.5, 1.0]


def test_unknown_fault_is_refused(tmp_path: Path) -> None:
    """A fault that is not in the table is named, with what there is."""
    with pytest.raises(UsageError, match=r"'rust'.*cpu_storm"):
        simulate(tmp_path, seed=1, start=START, hours=1, faults=("rust",))


def test_start_needs_a_time_zone(tmp_path: Path) -> None:
    """A start without a time zone could mean anything."""
    with pytest.raises(UsageError, match="time zone"):
        simulate(tmp_path, seed=1, start=datetime(2026, 5, 6))


def test_too_short_a_run_is_refused(tmp_path: Path) -> None:
    """Hours must be positive."""
    with pytest.raises(UsageError, match="hours is -1"):
        simulate(tmp_path, seed=1, start=START, hours=-1)


def test_every_fault_has_one_line_of_help() -> None:
    """The table of faults explains each of its twenty-three kinds."""
    assert len(FAULTS) == 23
    assert fault_help().keys() == FAULTS.keys()
    assert all(text and "\n" not in text for text in fault_help().values())
