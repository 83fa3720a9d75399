"""The host's own metrics: the real /proc, and made-up trees for what this machine lacks."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from boxwatch.clock import ManualClock
from boxwatch.errors import SourceError
from boxwatch.events.metrics import METRICS
from boxwatch.sources import HostOptions, HostSource, devices, proc_files
from boxwatch.sources.patience import Bystander

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="there is no /proc here")


def measured(**options):
    """One reading, by entity."""

    async def measure():
        source = HostSource("box", HostOptions(**options))
        try:
            return await source.measure()
        finally:
            await source.close()

    rows = [json.loads(line) for line in asyncio.run(measure()).splitlines()]
    return {row["entity"]: row for row in rows}


@pytest.fixture
def made_up(tmp_path):
    """Build a tree of small files: path -> text."""

    def build(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return build


def test_every_metric_of_the_host_is_there():
    """A reading has exactly the host's metrics of the table, known or with a reason."""
    row = measured()["host"]
    expected = {name for name, metric in METRICS.items() if metric.entity == "host"}
    assert set(row) - {"host", "collected_at", "entity"} == expected


@pytest.mark.parametrize("kind", ["disk", "fs", "net", "sensor"])
def test_parts_have_the_metrics_of_their_kind(kind):
    """Every disk, file system, interface and sensor has exactly the metrics of its kind."""
    expected = {name for name, metric in METRICS.items() if metric.entity == kind}
    parts = [row for entity, row in measured().items() if entity.startswith(f"{kind}:")]
    if not parts:
        pytest.skip(f"this machine shows no {kind}")
    assert all(set(row) - {"host", "collected_at", "entity"} == expected for row in parts)


def test_memory_and_processors_agree_with_psutil():
    """Another reader of the same files comes to the same values."""
    row, memory, times = measured()["host"], psutil.virtual_memory(), psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    assert row["memory_total_bytes"] == memory.total
    assert row["memory_available_bytes"] == pytest.approx(memory.available, rel=0.05)
    assert row["cpu_busy_seconds_total"] == pytest.approx(busy, abs=2)
    assert row["cpu_cores"] == psutil.cpu_count()
    assert row["processes_alive"] == pytest.approx(len(psutil.pids()), abs=20)


def test_root_file_system_agrees_with_psutil():
    """Size and room of / are those that another reader sees."""
    row, usage = measured().get("fs:/"), psutil.disk_usage("/")
    if row is None:
        pytest.skip("the root here is no local file system")
    assert row["size_bytes"] == usage.total
    assert row["available_bytes"] == pytest.approx(usage.free, rel=0.05)


def test_kernel_without_pressure_says_so(made_up):
    """Where /proc/pressure is missing, its metrics say so; the rest is known."""
    proc = made_up({name: Path("/proc", name).read_text() for name in ("stat", "meminfo")})
    row = measured(proc=proc)["host"]
    assert "No such file" in row["pressure_io_seconds_total"]
    assert row["memory_total_bytes"] > 0


def test_file_that_is_not_understood_is_unknown(made_up):
    """Nonsense in a file makes its metrics unknown instead of ending the source."""
    row = measured(proc=made_up({"meminfo": "MemTotal: many\n", "stat": ""}))["host"]
    assert "not understood" in row["memory_total_bytes"]
    assert "not understood" in row["cpu_busy_seconds_total"]


def test_machine_without_proc_is_absent(tmp_path):
    """No /proc at all is a SourceError that a person understands."""
    with pytest.raises(SourceError, match="Linux") as caught:
        measured(proc=tmp_path / "nothing")
    assert caught.value.state == "absent"


def test_disks_are_whole_and_real(made_up):
    """Partitions, loops, memory disks and stacked devices are left out."""
    files = {f"block/{name}/device/x": "" for name in ("sda", "nvme0n1", "sr0", "mmcblk0boot0")}
    sys = made_up({**files, "block/dm-0/x": "", "block/loop0/x": "", "block/zram0/x": ""})
    names = ["sda", "sda1", "nvme0n1", "nvme0n1p1", "dm-0", "loop0", "zram0", "sr0", "mmcblk0boot0"]
    assert devices.disks(names, sys) == {"sda", "nvme0n1"}


def test_disk_counters_are_in_base_units():
    """Sectors become bytes, milliseconds seconds; discards and flushes count as waits."""
    text = " 259 0 nvme0n1 100 5 2048 1000 50 6 4096 500 3 700 1500 7 0 0 250 4 50\n"
    assert proc_files.diskstats(text)["nvme0n1"] == {
        "read_bytes_total": 2048 * 512,
        "written_bytes_total": 4096 * 512,
        "reads_total": 100,
        "writes_total": 50,
        "busy_seconds_total": 0.7,
        "wait_seconds_total": 1.8,
    }


def test_only_hardware_interfaces_count(made_up):
    """Bridges and veth pairs repeat what the card counts; without a card all but lo count."""
    sys = made_up({"class/net/eth0/device/x": "", "class/net/docker0/x": ""})
    assert devices.links(["lo", "eth0", "docker0", "veth1"], sys) == {"eth0"}
    assert devices.links(["lo", "veth1"], sys) == {"veth1"}


def test_file_systems_are_local_and_named_once():
    """Network, memory and repeated mounts are left out; spaces in names survive."""
    text = (
        "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sda1 /srv/bind ext4 rw 0 0\n"
        "nas:/x /mnt/nas nfs4 rw 0 0\n/dev/sdb1 /mnt/my\\040disk xfs rw 0 0\n"
        "overlay /var/lib/docker/overlay2/1/merged overlay rw 0 0\n"
    )
    assert devices.file_systems(proc_files.mounts(text)) == ["/", "/mnt/my disk"]


def test_sensors_are_named_by_chip_and_label(made_up):
    """Two chips of one name are told apart; thermal zones count only where there is no chip."""
    sys = made_up(
        {
            "class/hwmon/hwmon0/name": "coretemp\n",
            "class/hwmon/hwmon0/temp1_input": "45000\n",
            "class/hwmon/hwmon0/temp1_label": "Package id 0\n",
            "class/hwmon/hwmon1/name": "nvme\n",
            "class/hwmon/hwmon1/temp1_input": "oops\n",
            "class/hwmon/hwmon2/name": "nvme\n",
            "class/hwmon/hwmon2/temp1_input": "38850\n",
            "class/thermal/thermal_zone0/type": "acpitz\n",
            "class/thermal/thermal_zone0/temp": "27800\n",
        }
    )
    found = {name: devices.temperature(file) for name, file in devices.sensors(sys).items()}
    assert found.pop("coretemp/Package id 0") == {"sensor_celsius": 45.0}
    assert sorted(found.values(), key=str) == [
        {"sensor_celsius": "not a number"},
        {"sensor_celsius": 38.85},
    ]


def test_thermal_zones_stand_in_for_chips(made_up):
    """A board without hwmon chips shows its thermal zones."""
    sys = made_up(
        {"class/thermal/thermal_zone0/type": "cpu\n", "class/thermal/thermal_zone0/temp": "51500"}
    )
    assert devices.temperature(devices.sensors(sys)["cpu"]) == {"sensor_celsius": 51.5}


def test_readings_lie_on_the_grid(until, rows):
    """One reading an interval, shortly after its grid point, without drift or doubles."""
    source = HostSource("box", HostOptions(interval_s=0.1))

    async def watch():
        chunks = await until(source, lambda c: len(_times(rows, c)) >= 8)
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
        await until(source, lambda c: bool(_times(rows, c)))
        time.sleep(0.5)
        await asyncio.sleep(0.02)
        late = _times(rows, await source.read())
        await source.close()
        return late

    assert len(asyncio.run(watch())) <= 2


def test_next_reading_is_never_of_the_grid_point_just_taken():
    """A timer that fires early does not make two readings of one grid point."""
    clock = ManualClock(datetime(2026, 1, 1, 0, 0, 0, 900_000, tzinfo=UTC))
    source = HostSource("box", HostOptions(interval_s=1.0), clock)
    first = source._until_next()
    clock.advance(0.0999)
    assert first == pytest.approx(0.1)
    assert source._until_next() == pytest.approx(1.0001, abs=1e-4)


def test_disk_that_does_not_answer_holds_up_nobody():
    """A call that never returns is given up; while it is stuck none is started after it."""

    async def stuck():
        aside, release = Bystander("test"), asyncio.Event()
        loop = asyncio.get_running_loop()
        done = asyncio.run_coroutine_threadsafe

        def hang():
            done(release.wait(), loop).result()

        states = []
        for limit in (0.05, 60):
            with pytest.raises(SourceError) as caught:
                await aside.call(hang, limit)
            states.append(caught.value.state)
        release.set()
        aside.close()
        return states

    assert asyncio.run(stuck()) == ["hung", "hung"]


def test_probe_says_what_is_unknown(made_up):
    """An ordinary machine is ok; what it lacks is in the reason."""
    proc = made_up({"stat": Path("/proc/stat").read_text()})
    capability = asyncio.run(HostSource("box", HostOptions(proc=proc)).probe())
    assert (capability.state, "pressure/cpu" in capability.reason) == ("ok", True)
