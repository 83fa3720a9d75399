"""A host's own metrics: this machine's real /proc, and made-up trees for what it lacks."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from boxwatch.clock import ManualClock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.events.metrics import METRICS
from boxwatch.sources import HostOptions, HostSource, LocalShell
from boxwatch.sources.patience import Bystander

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="there is no /proc here")

LIMIT_S = 60
# What not every machine has: connection tracking, memory controllers that report.
OPTIONAL = {"conntrack_entries", "conntrack_limit"} | {
    f"memory_errors_{kind}_total" for kind in ("corrected", "uncorrected")
}
OTHERS = OPTIONAL | {"clock_offset_seconds"}  # which the line to a host tells
KINDS = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
LOCAL = KINDS.get("/") in {"ext4", "xfs", "btrfs", "overlay"}
SHELLS = pytest.mark.parametrize("shell", [None, LocalShell()], ids=["here", "by shell"])


@pytest.fixture
def measured(until, rows):
    """Everything that a host says of itself until `enough(rows)`: entity -> metric -> value."""

    def measure(enough=lambda _: True, shell=None, **options):
        source = HostSource("box", HostOptions(interval_s=0.1, **options), shell=shell)
        told = {}

        def complete(chunks):
            for row in rows(chunks, "host"):
                told.setdefault(row["entity"], {}).update(row)
            return "host" in told and enough(told)

        async def watch():
            try:
                await until(source, complete, LIMIT_S)
            finally:
                await source.close()

        asyncio.run(watch())
        return told

    return measure


@pytest.fixture
def made_up(tmp_path):
    """Build a tree of small files: path -> text."""

    def build(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return build


def copied(*names):
    """Files of the real /proc for a made-up tree."""
    return {f"proc/{name}": Path("/proc", name).read_text() for name in names}


@SHELLS
def test_every_metric_of_the_host_is_there(measured, shell):
    """A host has exactly its metrics of the table, known or with a reason, here and elsewhere."""
    expected = {name for name, metric in METRICS.items() if metric.entity == "host"} - OTHERS
    own = {"host", "collected_at", "entity", "received_at"}
    row = measured(lambda told: expected <= told["host"].keys(), shell)["host"]
    assert expected <= row.keys() - own <= expected | OPTIONAL


@pytest.mark.parametrize("kind", ["disk", "fs", "net"])
def test_parts_have_the_metrics_of_their_kind(measured, kind):
    """Every disk, file system and interface has exactly the metrics of its kind."""
    expected = {name for name, metric in METRICS.items() if metric.entity == kind}
    told = measured(lambda told: "fs:/" in told or not LOCAL)
    parts = [row for entity, row in told.items() if entity.startswith(f"{kind}:")]
    if not parts:
        pytest.skip(f"this machine shows no {kind}")
    assert all(row.keys() - {"host", "collected_at", "entity"} == expected for row in parts)


@SHELLS
def test_memory_and_processors_agree_with_psutil(measured, shell):
    """Another reader of the same files comes to the same values."""
    row = measured(lambda told: "processes_alive" in told["host"], shell)["host"]
    memory, times = psutil.virtual_memory(), psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    assert row["memory_total_bytes"] == memory.total
    assert row["memory_available_bytes"] == pytest.approx(memory.available, rel=0.2)
    assert row["cpu_busy_seconds_total"] == pytest.approx(busy, abs=LIMIT_S)
    assert row["cpu_cores"] == psutil.cpu_count()
    assert row["processes_alive"] == pytest.approx(len(psutil.pids()), rel=0.5)


@SHELLS
def test_root_file_system_agrees_with_psutil(measured, shell):
    """Size and room of / are those that another reader sees."""
    if not LOCAL:
        pytest.skip("the root here is no local file system")
    row, usage = measured(lambda told: "fs:/" in told, shell)["fs:/"], psutil.disk_usage("/")
    assert row["size_bytes"] == usage.total
    assert row["available_bytes"] == pytest.approx(usage.free, rel=0.2)


def test_kernel_without_pressure_says_so(measured, made_up):
    """Where /proc/pressure is missing, its metrics say so; the rest is known."""
    row = measured(root=made_up(copied("stat", "meminfo")))["host"]
    assert "No such file" in row["pressure_io_seconds_total"]
    assert row["memory_total_bytes"] > 0


def test_what_a_machine_never_had_is_told_now_and_then(until, rows, made_up):
    """What was never known is no news with every reading."""
    source = HostSource("box", HostOptions(interval_s=0.05, root=made_up(copied("stat"))))

    async def watch():
        found = await until(source, lambda chunks: len(rows(chunks, "host")) >= 3, LIMIT_S)
        await source.close()
        return rows(found, "host")

    told = ["pressure_io_seconds_total" in row for row in asyncio.run(watch())]
    assert told[:3] == [True, False, False]


def test_file_that_is_not_understood_is_unknown(measured, made_up):
    """Nonsense in a file makes its metrics unknown instead of ending the source."""
    row = measured(root=made_up({"proc/meminfo": "MemTotal: many\n", "proc/stat": ""}))["host"]
    assert "not understood" in row["memory_total_bytes"]
    assert "not understood" in row["cpu_busy_seconds_total"]


@SHELLS
def test_sensors_are_read(measured, made_up, shell):
    """Temperatures, fans and power of a tree with chips, in base units."""
    chip = "sys/class/hwmon/hwmon0"
    files = {f"{chip}/name": "bmc\n", f"{chip}/temp1_input": "45500\n", f"{chip}/fan1_input": "900"}
    files |= {f"{chip}/fan1_label": "rear\n", f"{chip}/power1_average": "180000000\n"}
    root = made_up({**files, **copied("stat", "loadavg")})
    told = measured(lambda told: "sensor:bmc/power1" in told, shell, root=root)
    assert told["sensor:bmc/temp1"]["sensor_celsius"] == 45.5
    assert told["sensor:bmc/rear"]["sensor_rpm"] == 900
    assert told["sensor:bmc/power1"]["sensor_watts"] == 180


def test_machine_without_proc_is_absent(until, rows, tmp_path):
    """No /proc at all is said once, in words that a person understands."""
    source = HostSource("box", HostOptions(interval_s=0.05, root=tmp_path / "nothing"))

    async def watch():
        found = await until(source, lambda chunks: rows(chunks, "status"), LIMIT_S)
        await source.close()
        return rows(found, "status")

    (status,) = asyncio.run(watch())
    assert (status["state"], status["hint"]) == ("absent", "Host metrics need Linux.")


def test_readings_lie_on_the_grid(until, rows):
    """One reading an interval, after its grid point, without drift or doubles."""
    source = HostSource("box", HostOptions(interval_s=0.1))

    async def watch():
        chunks = await until(source, lambda c: len(_times(rows, c)) >= 8, LIMIT_S)
        await source.close()
        return _times(rows, chunks)

    slots = [int(time.timestamp() * 10) for time in asyncio.run(watch())]
    assert len(set(slots)) == len(slots)


def _times(rows, chunks):
    return [
        datetime.fromisoformat(row["collected_at"])
        for row in rows(chunks, "host")
        if row["entity"] == "host"
    ]


def test_late_loop_skips_readings(until, rows):
    """A loop that was blocked gets one reading afterwards, not one for every missed grid point."""
    source = HostSource("box", HostOptions(interval_s=0.05))

    async def watch():
        await until(source, lambda c: bool(_times(rows, c)), LIMIT_S)
        time.sleep(2)
        late = await until(source, lambda c: bool(_times(rows, c)), LIMIT_S)
        await source.close()
        return _times(rows, late)

    assert len(asyncio.run(watch())) < 20


def test_next_reading_is_never_of_the_grid_point_just_taken():
    """A timer that fires early does not make two readings of one grid point."""
    clock = ManualClock(datetime(2026, 1, 1, 0, 0, 0, 900_000, tzinfo=UTC))
    source = HostSource("box", HostOptions(interval_s=1.0), clock)
    first = source._until_next()
    clock.advance(0.0999)
    assert first == pytest.approx(0.1)
    assert source._until_next() == pytest.approx(1.0001, abs=1e-4)


def test_call_that_does_not_return_holds_up_nobody():
    """A call that never returns is given up; while it is stuck none is started after it."""

    async def stuck():
        aside, release = Bystander("test"), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang():
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

        states = []
        for limit in (0.05, 60):
            try:
                await aside.call(hang, limit)
            except SourceError as error:
                states.append(error.state)
        release.set()
        aside.close()
        return states

    assert asyncio.run(stuck()) == ["hung", "hung"]


@SHELLS
def test_probe_says_what_is_unknown(made_up, shell):
    """An ordinary machine is ok; what it lacks is in the reason."""
    root = made_up(copied("stat", "loadavg"))
    capability = asyncio.run(HostSource("box", HostOptions(root=root), shell=shell).probe())
    assert (capability.state, "pressure/cpu" in capability.reason) == ("ok", True)


def test_closing_leaves_nothing(until, rows, belongings):
    """No file, child or thread of a source is left when it is closed."""
    source = HostSource("box", HostOptions(interval_s=0.05), shell=LocalShell())

    async def watch():
        before = belongings()
        await until(source, lambda chunks: len(rows(chunks, "host")) > 3, LIMIT_S)
        await source.close()
        async with asyncio.timeout(LIMIT_S):
            while belongings() != before:
                await asyncio.sleep(0.01)
        return before["children"]

    assert asyncio.run(watch()) == belongings()["children"]


def test_rows_of_elsewhere_say_when_they_were_received(measured):
    """The host's own clock stamps a reading; ours is told beside it."""
    row = measured(shell=LocalShell())["host"]
    taken, received = (datetime.fromisoformat(row[k]) for k in ("collected_at", "received_at"))
    assert taken <= received


class Wall(SystemClock):
    """A wall clock that can be set."""

    def __init__(self):
        self.ahead = timedelta(0)

    def now(self):
        return super().now() + self.ahead


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_clock_that_jumps_is_told(until, rows, seconds):
    """As a notice and in the status, with by how much; the readings go on."""
    clock, limit = Wall(), timedelta(seconds=60)
    source = HostSource("box", HostOptions(interval_s=0.1), clock)

    async def watch():
        try:
            await until(source, lambda chunks: len(rows(chunks, "host")) > 2, LIMIT_S)
            clock.ahead = timedelta(seconds=seconds)
            return await until(source, lambda chunks: rows(chunks, "notice"), LIMIT_S)
        finally:
            await source.close()

    said = asyncio.run(watch())
    (told,) = rows(said, "notice")
    assert (told["notice"], told["source"]) == ("clock jump", "host")
    assert f"The clock of box jumped by {seconds:+,}" in told["message"]
    assert abs(timedelta(seconds=told["details"]["seconds"] - seconds)) < limit
    assert rows(said, "status")[-1]["reason"] == told["message"]
