"""A service whose memory grows by the hour, from a machine's files to the finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from tests.slow.boxes import GB, START, Boxes, frame

from boxwatch.detections import Detection, Severity
from boxwatch.detections.degradation import Degradation
from boxwatch.detections.slow import SlowLooks
from boxwatch.events import RawChunk, normalise
from boxwatch.events.schema import LOGS, empty
from boxwatch.features import WindowBuilder
from boxwatch.features.blocks import BLOCK, BLOCKS
from boxwatch.features.containers import Containers
from boxwatch.incidents.causes import tell
from boxwatch.sources.host_reader import Answer, look_up
from boxwatch.sources.host_rows import HostRows

HOST = Boxes(cards=0)
ID = "0123456789ab" + "cdef" * 13
V2 = {
    "system.slice/ollama.service": 3,
    "system.slice/docker-" + ID + ".scope": 5,
    "kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-" + ID: 0,
    "user.slice/user-1000.slice": 9,
}
V1 = {"memory/system.slice/ollama.service": 3, "memory/docker/" + ID: 5}


def block(number: int, held: float, *, others: float = 0.0) -> pl.DataFrame:
    """One block of a machine of which one service holds some memory and others do, in GB."""
    less = -(held + others) * GB
    machine = HOST.changed("box0", "host", memory_available_bytes=less).block(number)
    rows = {("box0", "service:api", "memory_anonymous_bytes"): (held * GB, 0.0)}
    return pl.concat([machine, frame(rows, START + BLOCK * number)])


def blocks(hours: int, held: Callable[[float], float]) -> list[pl.DataFrame]:
    """Four blocks of each hour, by what a service holds, a little restless."""
    rest = np.random.default_rng(3).normal(0, 0.1, hours * 12)
    return [block(n, held(n / 12) + float(rest[n])) for n in range(0, hours * 12, 3)]


def found(hours: int, held: Callable[[float], float]) -> list[Detection]:
    """The last word on what is found of the service."""
    said = Degradation().add(pl.concat(blocks(hours, held)))
    return [one for one in said if one.entity == "service:api"]


def leak(hour: float) -> float:
    """From the 30th hour on it takes 14 GB more every hour."""
    return 20.0 + 14.0 * max(hour - 30.0, 0.0)


def test_a_leak_of_hours_is_told_with_when_memory_is_full() -> None:
    """A service takes 14 GB more every hour: told within a day, before the machine is full."""
    (one,) = found(48, leak)
    assert (one.name, one.severity) == ("service-memory-growing", Severity.MEDIUM)
    assert "of the machine's memory more every hour" in one.reasons[0].text
    assert "memory is full in" in one.reasons[0].text


def test_a_leak_of_days_is_told() -> None:
    """Two GB an hour for five days: the same hours of different days say so."""
    (one,) = found(120, lambda hour: 20.0 + 2.0 * hour)
    assert "more every day" in one.reasons[0].text


@pytest.mark.parametrize(
    "held",
    [
        lambda _: 60.0,
        lambda hour: 60.0 + 30.0 * np.sin(2 * np.pi * hour / 24),
        lambda hour: 20.0 if hour < 40 else 90.0,
        lambda hour: 20.0 + 25.0 * (hour % 6),
    ],
    ids=["steady", "by the day", "one step", "let go again"],
)
def test_memory_that_does_not_creep_is_no_finding(held: Callable[[float], float]) -> None:
    """What stays, breathes with the day, steps once for a model, or is given back."""
    assert found(72, held) == []


def test_a_service_is_not_blamed_for_others() -> None:
    """The machine fills up, and this service holds what it always held."""
    parts = (block(n, 60.0, others=n * 0.5) for n in range(0, 48 * 12, 3))
    assert {one.entity for one in Degradation().add(pl.concat(parts))} == {"host"}


def test_what_hardly_matters_is_not_kept() -> None:
    """A service with less than a hundredth of the memory takes no room in the watcher."""
    watch = Degradation()
    watch.add(pl.concat(block(n, 1.0) for n in range(30)))
    hours = watch.save()["hours"]
    assert hours["service_memory"]["keys"] == []  # type: ignore[index]


def test_the_incident_says_what_to_do() -> None:
    """In words for a person, with the service's name."""
    (one,) = found(48, leak)
    story = tell([one], "box0", {})
    assert story.title == "api holds more and more memory"
    assert "restart it at a quiet time" in story.action


@pytest.mark.parametrize(("files", "line"), [(V2, "anon {}"), (V1, "total_rss {}")])
def test_memory_is_read_by_service(tmp_path: Path, files: dict[str, int], line: str) -> None:
    """Units by name, containers by id, and nothing of what is neither; both kinds of cgroups."""
    for path, size in files.items():
        folder = tmp_path / "sys/fs/cgroup" / path
        folder.mkdir(parents=True)
        text = f"file 7\n{line.format(size)}\nanon_thp 1\n"
        (folder / "memory.stat").write_text(text)
    (tmp_path / "proc").mkdir()
    rows, answer = HostRows(), Answer(START, 0.0)
    look_up(answer, rows.request(0.0).items, tmp_path)
    told = {name: one for name, one in rows.rows(answer).items() if name.startswith("service:")}
    assert told == {
        "service:0123456789ab": {"memory_anonymous_bytes": 5},
        "service:ollama": {"memory_anonymous_bytes": 3},
    }


def test_rows_become_samples_and_blocks() -> None:
    """What the source says of a service reaches the slow looks under its name."""
    builder, slow, parts = WindowBuilder(), SlowLooks(), []
    said = [{"host": "box0", "container_id": ID, "container_name": "vllm"}]
    logs = pl.concat([empty(LOGS), pl.DataFrame(said)], how="diagonal").select(list(LOGS))
    slow.add(logs, builder.values)
    for minute in range(12):
        at = START + BLOCK * minute / 5
        row = {"host": "box0", "collected_at": at.isoformat(), "entity": "service:0123456789ab"}
        line = orjson.dumps(row | {"memory_anonymous_bytes": 5})
        events = normalise(RawChunk("host", line + b"\n", "box0", "here"))
        assert events.quarantined.is_empty()
        builder.add(events, at)
        parts.append(builder.values)
    assert {one for part in parts for one in part["metric"]} == {"memory_anonymous_bytes"}
    known = Containers()
    known.learn(logs)
    assert known.named(pl.concat(parts))["entity"].unique().to_list() == ["service:vllm"]


def test_a_name_is_known_after_a_restart() -> None:
    """State in, state out; other hosts' containers keep their ids."""
    said = [{"host": "box0", "container_id": ID, "container_name": "/vllm"}]
    logs = pl.concat([empty(LOGS), pl.DataFrame(said)], how="diagonal").select(list(LOGS))
    first, again = Containers(), Containers()
    first.learn(logs)
    again.load(first.save())
    rows = frame({(h, "service:0123456789ab", "m"): (1.0, 0.0) for h in ("box0", "box1")}, START)
    assert again.named(rows)["entity"].to_list() == ["service:vllm", "service:0123456789ab"]
    assert again.named(rows).schema == pl.Schema(dict(BLOCKS))


def test_started_again_between_any_two_hours_it_says_the_same() -> None:
    """Watching and catching up come to the same findings."""
    watch, told, parts = Degradation(), {}, blocks(48, leak)
    for hour in range(48):
        fresh = Degradation()
        fresh.load(watch.save())
        watch = fresh
        for part in parts[4 * hour : 4 * hour + 4]:
            told |= {one.id: one for one in watch.add(part)}
    whole = Degradation().add(pl.concat(parts))
    assert whole
    assert list(told.values()) == whole


def test_an_older_checkpoint_is_taken_up() -> None:
    """State of a watcher that knew nothing of services' memory is no error."""
    old = Degradation().save()
    del old["hours"]["service_memory"]  # type: ignore[attr-defined]
    watch = Degradation()
    watch.load(old)
    assert "service:api" in {one.entity for one in watch.add(pl.concat(blocks(48, leak)))}
