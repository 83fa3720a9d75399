"""The recording on disk: one file per raw kind and hour, as a collection would have written it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import polars as pl

from boxwatch.events.schema import RAW_KINDS
from boxwatch.sources.simulated import gpu_rows, host_rows, log_rows
from boxwatch.sources.simulated.world import Series, World

Progress = Callable[[float], None]

_STATUS_SOURCES: Final = ("systemd", "docker", "gpu", "host")


def write(world: World, root: Path, progress: Progress | None) -> None:
    """Run the physics of `world` and write all of its records below `root`/ingested."""
    cards = gpu_rows.rows(world)
    machine = host_rows.rows(world)
    gpu_clock = _Ticks(world, "gpu-ticks")
    host_clock = _Ticks(world, "host-ticks")
    logs = log_rows.LogRecords(world)
    for start, end in hours(world):
        lines: dict[str, list[bytes]] = {
            "gpu": _gpu_lines(world, cards, gpu_clock, (start, end)),
            "host": _host_lines(world, machine, host_clock, (start, end)),
            "gpu_events": _cards(world) if start == 0 else [],
            "status": _status_lines(world, start, end),
            **logs.between(start, end),
        }
        for kind, content in lines.items():
            _write_file(world, root, kind, start, content)
        if progress is not None:
            progress(end / world.span.seconds)


def hours(world: World) -> list[tuple[int, int]]:
    """The span cut at full hours, as pairs of seconds."""
    start = world.span.start
    first = 3600 - (start.minute * 60 + start.second)
    cuts = [0, *range(first, world.span.seconds, 3600), world.span.seconds]
    return list(itertools.pairwise(cuts))


class _Ticks:
    """When a sampler really looked: a little after the second, and now and then not at all."""

    def __init__(self, world: World, name: str) -> None:
        rng, n = world.random(name), world.span.seconds
        self.delay = rng.gamma(3.0, 2500.0, n).astype(np.int64) + 3000
        self.kept = rng.random(n) >= 0.0004
        for at in rng.uniform(0, n, rng.poisson(2.0 * n / 86400)).astype(int).tolist():
            self.kept[at : at + int(rng.integers(2, 8))] = False
        seconds = np.arange(n, dtype=np.int64) * 1_000_000
        error = (world.clock_error * 1e6).astype(np.int64)
        self.wall = world.span.micros + seconds + self.delay + error


def _gpu_lines(
    world: World, cards: pl.DataFrame, ticks: _Ticks, hour: tuple[int, int]
) -> list[bytes]:
    second = pl.col("second")
    frame = cards.filter(second >= hour[0], second < hour[1]).sort("second", "card")
    for start, end, *_ in world.silent:
        frame = frame.filter((second < start) | (second >= end))
    at = frame["second"].to_numpy()
    frame = frame.with_columns(pl.Series("wall", ticks.wall[at])).filter(pl.Series(ticks.kept[at]))
    return _ndjson(gpu_rows.printed(frame, world.name, world.build))


def _cards(world: World) -> list[bytes]:
    """Which card stands where, as the collector tells it when it begins."""
    at = world.span.at(world.clock_error[0]).isoformat()
    model = world.build.card
    return [
        orjson.dumps(
            {
                "host": world.name,
                "collected_at": at,
                "what": "card",
                "index": str(index),
                "uuid": gpu_rows.UUIDS[index],
                "name": model.name,
                "pci.bus_id": gpu_rows.BUS_IDS[index],
                "driver_version": model.driver,
            }
        )
        for index in range(len(world.cards))
    ]


def _host_lines(
    world: World, machine: host_rows.Frames, ticks: _Ticks, hour: tuple[int, int]
) -> list[bytes]:
    cut = slice(*hour)
    kept = pl.Series(ticks.kept[cut])
    stamp = (
        pl.Series("collected_at", ticks.wall[cut])
        .cast(pl.Datetime("us"))
        .dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    )
    delay: Series = ticks.delay[cut] / 1e6
    parts = []
    for entity, frame in machine.items():
        piece = frame.slice(hour[0], hour[1] - hour[0])
        if entity == "host":
            piece = piece.with_columns(
                (pl.col("clock_monotonic_seconds") + pl.Series(delay)).round(6),
                (pl.col("uptime_seconds") + pl.Series(delay)).round(2),
            )
        named = piece.select(
            pl.lit(world.name).alias("host"), stamp, pl.lit(entity).alias("entity"), pl.all()
        )
        parts.append(_ndjson(named.filter(kept)))
    return [line for tick in zip(*parts, strict=True) for line in tick]


def _status_lines(world: World, start: int, end: int) -> list[bytes]:
    """What the collector says about its sources: at the start, and when one changes."""
    changes = []
    if start == 0:
        changes += [(0, source, "ok", "", "") for source in _STATUS_SOURCES]
    lost = np.max([card.gone * (card.gone < 3) for card in world.cards], axis=0) > 0
    for at in (np.flatnonzero(np.diff(lost.astype(np.int8), prepend=0))).tolist():
        reason = "nvidia-smi: Unable to determine the device handle for GPU: Unknown Error"
        if lost[at]:
            hint = "See `journalctl -k`; the GPU needs a reset or the machine a reboot."
            changes.append((at, "gpu", "failing", reason, hint))
        else:
            changes.append((at, "gpu", "ok", "", ""))
    for begin, until, state, reason, hint in world.silent:
        late = 6 if state == "hung" else 0  # a tool that hangs is given some time first
        changes += [(begin + late, "nvidia", state, reason, hint), (until, "nvidia", "ok", "", "")]
    return [
        orjson.dumps(
            {
                "host": world.name,
                "collected_at": world.span.at(at + world.clock_error[at]).isoformat(),
                "source": source,
                "state": state,
                "reason": reason,
                "hint": hint,
            }
        )
        for at, source, state, reason, hint in changes
        if start <= at < end
    ]


def _ndjson(frame: pl.DataFrame) -> list[bytes]:
    buffer = io.BytesIO()
    frame.write_ndjson(buffer)
    return buffer.getvalue().splitlines()


def _write_file(world: World, root: Path, kind: str, start: int, lines: list[bytes]) -> None:
    if not lines:
        return
    folder, prefix = RAW_KINDS[kind]
    hour = (world.span.start + timedelta(seconds=start)).replace(minute=0, second=0)
    path = root / "ingested" / folder / f"{prefix}_{hour:%Y%m%d_%H%M%S}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")
