"""Every fault leaves its traces where it should, when it should, and nowhere before."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch.sources.simulated import FAULTS, Truth

from .conftest import Recording

Recorded = Callable[..., Recording]
SEEDS = (7, 8)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def _top(series: pl.Series) -> float:
    return float(series.cast(pl.Float64).max())  # type: ignore[arg-type]


def _grown(series: pl.Series) -> float:
    return float(series[-1] - series[0])


def _stamp(kind: str, line: bytes) -> datetime:
    record = json.loads(line)
    if kind == "systemd":
        return datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1e6, tz=UTC)
    text = str(record["timestamp"])[:26] + "+00:00" if kind == "docker" else record["collected_at"]
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("kind", ["docker", "gpu", "host", "systemd"])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_nothing_changes_before_a_fault(recorded: Recorded, name: str, kind: str) -> None:
    """Up to its start, a recording with a fault is byte for byte the one without."""
    broken, sound = recorded(name), recorded()
    lines = sound.lines(kind)
    differing = (a != b for a, b in zip(lines, broken.lines(kind), strict=False))
    first = next((place for place, differs in enumerate(differing) if differs), len(lines) - 1)
    assert first > 10
    assert first == len(lines) - 1 or _stamp(kind, lines[first]) >= broken.fault.start


def test_gauges_return_after_a_fault(recorded: Recorded) -> None:
    """Some minutes after a CPU storm the machine reads as if it had never been."""
    broken, sound = recorded("cpu_storm"), recorded()
    after = pl.col("collected_at") > broken.fault.end + timedelta(seconds=1)
    columns = ["collected_at", "memory_available_bytes", "processes_alive", "processes_running"]
    frames = [r.readings("host").filter(after).select(columns) for r in (broken, sound)]
    assert frames[0].height > 60
    assert frames[0].equals(frames[1])


def test_faults_leave_other_subsystems_alone(recorded: Recorded) -> None:
    """A fault of the network changes no reading of a GPU, and none of the disk."""
    broken, sound = recorded("network_flood"), recorded()
    assert broken.lines("gpu") == sound.lines("gpu")
    assert broken.lines("docker") == sound.lines("docker")
    assert broken.readings("fs:/data").equals(sound.readings("fs:/data"))


@every_seed
def test_thermal_slowdown(recorded: Recorded, seed: int) -> None:
    """The fan stands still, the card gets hot, and heat throttles it."""
    run = recorded("thermal_slowdown", seed=seed)
    card = run.fault.entity
    assert float(run.during(card, "fan.speed").median()) < 12  # type: ignore[arg-type]
    assert _top(run.during(card, "temperature.gpu")) > 88
    assert _grown(run.during(card, "clocks_event_reasons_counters.sw_thermal_slowdown")) > 0


@every_seed
def test_gpu_off_bus(recorded: Recorded, seed: int) -> None:
    """Xid 79, readings that fail, then no rows; the collector says that its tool fails."""
    run = recorded("gpu_off_bus", seed=seed)
    index = run.fault.entity[4:]
    rows = [r for r in run.records("gpu") if r["index"] == index]
    failed = [r for r in rows if r["temperature.gpu"] == "[Unknown Error]"]
    assert 10 <= len(failed) <= 61
    asked = run.during("gpu:" + ("1" if index == "0" else "0"), "index").len()
    assert run.during(run.fault.entity, "index").len() < asked - 200
    assert any(re.search(r"Xid \(PCI:0000:[24]1:00\): 79,", t) for t in run.said_during("kernel"))
    assert "failing" in {r["state"] for r in run.records("status")}


@every_seed
def test_ecc_storm(recorded: Recorded, seed: int) -> None:
    """The counter of corrected errors grows by more than a hundred."""
    run = recorded("ecc_storm", seed=seed)
    assert _grown(run.during(run.fault.entity, "ecc.errors.corrected.volatile.total")) > 100


@every_seed
def test_pcie_downtraining(recorded: Recorded, seed: int) -> None:
    """Under load the link is slower or narrower than it can be."""
    run = recorded("pcie_downtraining", seed=seed)
    inside = pl.col("collected_at").is_between(run.fault.start, run.fault.end)
    busy = run.readings(run.fault.entity).filter(inside, pl.col("utilization.gpu") > 50)
    assert busy.height > 60
    link = busy["pcie.link.gen.current"] * busy["pcie.link.width.current"]
    assert (link < 64).mean() > 0.97  # type: ignore[operator]


@every_seed
def test_power_brake(recorded: Recorded, seed: int) -> None:
    """The counter of the brake runs, and the clock falls although the card is cool."""
    run = recorded("power_brake", seed=seed)
    card = run.fault.entity
    assert _grown(run.during(card, "clocks_event_reasons_counters.hw_power_brake_slowdown")) > 1e8
    inside = pl.col("collected_at").is_between(run.fault.start, run.fault.end)
    braked = run.readings(card).filter(inside, pl.col("utilization.gpu") > 50)
    assert braked["clocks.current.sm"].quantile(0.2) < 1800  # type: ignore[operator]
    assert _top(braked["temperature.gpu"]) < 85


@every_seed
def test_stuck_inference(recorded: Recorded, seed: int) -> None:
    """The card is fully busy at half its power, and the service does not say a word."""
    run = recorded("stuck_inference", seed=seed)
    service = "ollama" if run.fault.entity == "gpu:0" else "vllm"
    assert float(run.during(run.fault.entity, "utilization.gpu").median()) > 95  # type: ignore[arg-type]
    assert float(run.during(run.fault.entity, "power.draw.instant").median()) < 160  # type: ignore[arg-type]
    quiet_until = run.fault.end - timedelta(seconds=31)
    said = [at for at, _ in run.said(service) if run.fault.start <= at <= quiet_until]
    assert said == []


@every_seed
def test_vram_leak(recorded: Recorded, seed: int) -> None:
    """Device memory ends higher than without the leak, and is given back."""
    run, sound = recorded("vram_leak", seed=seed), recorded(seed=seed)
    card = run.fault.entity
    extra = (
        run.readings(card)
        .join(sound.readings(card), on="collected_at")
        .select("collected_at", (pl.col("memory.used") - pl.col("memory.used_right")).alias("mib"))
    )
    inside = pl.col("collected_at").is_between(run.fault.start, run.fault.end)
    assert _top(extra.filter(inside)["mib"]) > 3000
    assert (extra.filter(pl.col("collected_at") > run.fault.end)["mib"] == 0).all()


@every_seed
def test_container_crash_loop(recorded: Recorded, seed: int) -> None:
    """The container dies and starts again and again, with exit status 1."""
    run = recorded("container_crash_loop", seed=seed)
    name = run.fault.entity.removeprefix("service:")
    dead = [r for r in run.records("docker_events") if r["Action"] == "die"]
    mine = [r["Actor"]["Attributes"] for r in dead if r["Actor"]["Attributes"]["name"] == name]  # type: ignore[index]
    assert sum(attributes["exitCode"] == "1" for attributes in mine) >= 4


@every_seed
def test_container_oom(recorded: Recorded, seed: int) -> None:
    """The kernel kills in the container's group; docker tells `oom` and exit status 137."""
    run = recorded("container_oom", seed=seed)
    assert any("Memory cgroup out of memory" in text for text in run.said_during("kernel"))
    actions = [str(r["Action"]) for r in run.records("docker_events")]
    codes = [json.dumps(r) for r in run.records("docker_events") if r["Action"] == "die"]
    assert "oom" in actions
    assert any('"exitCode": "137"' in code for code in codes)


@every_seed
def test_host_memory_leak(recorded: Recorded, seed: int) -> None:
    """Next to no memory stays available."""
    run = recorded("host_memory_leak", seed=seed)
    available = run.during("host", "memory_available_bytes")
    assert float(available.min()) < 0.12 * 128 * 2**30  # type: ignore[arg-type]


@every_seed
def test_cpu_storm(recorded: Recorded, seed: int) -> None:
    """Most cores are busy and the load rises."""
    run = recorded("cpu_storm", seed=seed)
    spent = run.during("host", "cpu_busy_seconds_total")
    assert _grown(spent) / spent.len() > 24
    assert _top(run.during("host", "load1")) > 28


@every_seed
def test_disk_full(recorded: Recorded, seed: int) -> None:
    """The file system runs out of room, and gets it back."""
    run = recorded("disk_full", seed=seed)
    mount = run.fault.entity
    sizes = run.during(mount, "available_bytes")
    assert float(sizes.min()) < 0.02 * _top(run.during(mount, "size_bytes"))  # type: ignore[arg-type]
    assert run.readings(mount)["available_bytes"][-1] > 5e10


@every_seed
def test_io_storm(recorded: Recorded, seed: int) -> None:
    """The disk is busy all the time, and operations wait."""
    run = recorded("io_storm", seed=seed)
    busy = run.during("disk:nvme0n1", "busy_seconds_total")
    assert _grown(busy) / busy.len() > 0.9
    assert float(run.during("host", "processes_blocked").median()) > 2  # type: ignore[arg-type]


@every_seed
def test_network_flood(recorded: Recorded, seed: int) -> None:
    """Packets come by the ten thousand; the kernel says so."""
    run = recorded("network_flood", seed=seed)
    packets = run.during("net:eth0", "received_packets_total")
    assert _grown(packets) / packets.len() > 20_000
    assert any("SYN flooding" in text for text in run.said_during("kernel"))


@every_seed
def test_process_explosion(recorded: Recorded, seed: int) -> None:
    """There are more than twice as many processes as usual."""
    run = recorded("process_explosion", seed=seed)
    assert _top(run.during("host", "processes_alive")) > 1000


@every_seed
def test_service_failure(recorded: Recorded, seed: int) -> None:
    """The system manager tells that the unit failed and that it gives up."""
    run = recorded("service_failure", seed=seed)
    said = run.said_during("systemd")
    assert any("Failed with result 'exit-code'" in text for text in said)
    assert any("Start request repeated too quickly" in text for text in said)


@every_seed
def test_error_burst(recorded: Recorded, seed: int) -> None:
    """The service says far more than before, and mostly the same."""
    run, sound = recorded("error_burst", seed=seed), recorded(seed=seed)
    kinds = ("ERROR", "[error]")
    counts = []
    for recording in (run, sound):
        lines = recording.lines("docker") + recording.lines("systemd")
        counts.append(sum(any(k.encode() in line for k in kinds) for line in lines))
    minutes = (run.fault.end - run.fault.start).total_seconds() / 60
    assert counts[0] - counts[1] > 10 * minutes


@every_seed
def test_new_error(recorded: Recorded, seed: int) -> None:
    """Lines appear that the sound recording does not hold."""
    run, sound = recorded("new_error", seed=seed), recorded(seed=seed)
    more = len(run.lines("docker") + run.lines("systemd")) - len(
        sound.lines("docker") + sound.lines("systemd")
    )
    assert 3 <= more <= 25


@every_seed
def test_log_silence(recorded: Recorded, seed: int) -> None:
    """The service does not say a word, while its card works on as before."""
    run, sound = recorded("log_silence", seed=seed), recorded(seed=seed)
    name = run.fault.entity.removeprefix("service:")
    assert run.said_during(name) == []
    assert any(run.fault.start < at < run.fault.end for at, _ in sound.said(name))
    assert run.lines("gpu") == sound.lines("gpu")


@every_seed
def test_broken_order(recorded: Recorded, seed: int) -> None:
    """Lines that end something are fewer than those that begin it, or come before them."""
    run = recorded("broken_order", seed=seed)
    name = {"ssh": "sshd"}.get(run.fault.entity[8:], run.fault.entity[8:])
    pairs = {
        "ollama": ("new model will fit", "llama runner started"),
        "redis": ("Background saving started", "Background saving terminated"),
        "sshd": ("Invalid user", "Connection closed by invalid user"),
    }
    begins, ends = pairs[name]
    said = run.said_during(name)
    places = {mark: [n for n, text in enumerate(said) if mark in text] for mark in pairs[name]}
    assert len(places[begins]) >= 3
    assert not places[ends] or places[ends][0] < places[begins][0]
    before = [text for at, text in run.said(name) if at < run.fault.start]
    assert any(ends in text for text in before)


@every_seed
def test_missing_line(recorded: Recorded, seed: int) -> None:
    """One kind of line is gone while the fault lasts; every other line is there."""
    run, sound = recorded("missing_line", seed=seed), recorded(seed=seed)
    name = run.fault.entity.removeprefix("service:")
    before, after = set(run.said(name)), set(sound.said(name))
    gone = sorted(after - before)
    assert before < after
    assert len(gone) >= 3
    assert all(run.fault.start <= at <= run.fault.end for at, _ in gone)
    marks = ('"GET /metrics', "| GET ")
    (mark,) = [mark for mark in marks if mark in gone[0][1]]
    assert all(mark in text for _, text in gone)
    assert not any(mark in text for text in run.said_during(name))


@every_seed
def test_mix(recorded: Recorded, seed: int) -> None:
    """As many lines as ever, of kinds that were there before but for a number that they tell."""
    run, sound = recorded("mix", seed=seed), recorded(seed=seed)
    name = run.fault.entity.removeprefix("service:")
    before, after = run.said(name), sound.said(name)
    assert [at for at, _ in before] == [at for at, _ in after]
    other = [(at, text) for (at, text), told in zip(before, after, strict=True) if told[1] != text]
    assert len(other) >= 20
    assert all(run.fault.start <= at <= run.fault.end for at, _ in other)
    assert all(("cache miss" in text) or ("| 503 |" in text) for _, text in other)


@every_seed
def test_clock_jump(recorded: Recorded, seed: int) -> None:
    """Wall time jumps and comes back; the monotonic clock goes on by seconds."""
    run = recorded("clock_jump", seed=seed)
    host = run.readings("host")
    wall = host["collected_at"].diff().dt.total_seconds().drop_nulls()
    steady = host["clock_monotonic_seconds"].diff().drop_nulls()
    assert min(_top(wall), -float(wall.min())) > 20  # type: ignore[arg-type]
    assert 0 < float(steady.min()) <= _top(steady) < 15  # type: ignore[arg-type]
    journal = [int(str(r["__MONOTONIC_TIMESTAMP"])) for r in run.records("systemd")]
    assert journal == sorted(journal)


def test_truth_covers_the_wrong_stamps(recorded: Recorded) -> None:
    """Every record of the time when the clock was wrong lies within the fault."""
    for seed in SEEDS:
        run = recorded("clock_jump", seed=seed)
        host = run.readings("host")
        away = (host["clock_monotonic_seconds"] - host["clock_monotonic_seconds"][0]) - (
            (host["collected_at"] - host["collected_at"][0]).dt.total_microseconds() / 1e6
        )
        wrong = host.filter(away.abs() > 5)["collected_at"]
        assert wrong.is_between(run.fault.start, run.fault.end).all()


def test_leaks_leave_no_kernel_line(recorded: Recorded) -> None:
    """The kernel knows nothing of a leak of device memory or a slow link's owner."""
    for name in ("vram_leak", "thermal_slowdown", "power_brake", "stuck_inference"):
        assert recorded(name).said_during("kernel") == recorded_kernel(recorded, name)


def recorded_kernel(recorded: Recorded, name: str) -> list[str]:
    """What the kernel says in the same window of the sound recording."""
    fault = recorded(name).fault
    return [t for at, t in recorded().said("kernel") if fault.start <= at <= fault.end]


def test_descriptions_name_their_entity(recorded: Recorded) -> None:
    """A fault says what it is in a sentence, and where; its entity is not also elsewhere."""
    truth: Truth = recorded("gpu_off_bus").truth
    for fault in truth:
        assert fault.description.endswith(".")
        assert fault.entity not in fault.also
        assert fault.entities[0] == fault.entity
