"""A few minutes of a small machine, made by hand: one GPU, a host with a disk, two services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from boxwatch.events.schema import LOGS, SAMPLES, Events

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def samples(seconds: int, *, host: str = "box", seed: int = 1) -> pl.DataFrame:
    """One reading a second of a few metrics of each entity."""
    rng = np.random.default_rng(seed)
    rows = []
    for second in range(seconds):
        time = START + timedelta(seconds=second)
        busy = float(rng.uniform(0.1, 0.3))
        for entity, metric, value in (
            ("gpu:0", "utilization_ratio", busy),
            ("gpu:0", "power_draw_watts", 100 + 200 * busy),
            ("gpu:0", "power_limit_watts", 300.0),
            ("gpu:0", "temperature_celsius", 50.0),
            ("gpu:0", "memory_used_bytes", 4e9),
            ("gpu:0", "memory_total_bytes", 24e9),
            ("host", "cpu_cores", 4.0),
            ("host", "cpu_busy_seconds_total", 0.8 * second),
            ("host", "memory_total_bytes", 64e9),
            ("host", "memory_available_bytes", 48e9),
            ("disk:vda", "written_bytes_total", 1e6 * second),
            ("disk:vdb", "written_bytes_total", 2e6 * second),
            ("fs:/", "size_bytes", 100e9),
            ("fs:/", "available_bytes", 60e9),
            ("service:ollama", "tokens_generated_total", 30.0 * second),
            ("service:ollama", "steps_total", 10.0 * second),
            ("service:ollama", "requests_running", 2.0),
            ("service:ollama", "first_token_seconds_total", 0.2 * (second // 4)),
            ("service:ollama", "first_tokens_total", float(second // 4)),
        ):
            source = "gpu" if entity.startswith("gpu") else "host"
            rows.append((time, host, source, entity, metric, value, None))
    return pl.DataFrame(rows, schema=dict(SAMPLES), orient="row")


def logs(seconds: int, *, host: str = "box") -> pl.DataFrame:
    """A line every two seconds of one service, every ten of another."""
    rows = []
    for second in range(0, seconds, 2):
        time = START + timedelta(seconds=second, milliseconds=300)
        rows.append((time, "ollama.service", f"request {second} done in {second % 7} ms", 9))
        if second % 10 == 0:
            rows.append((time, "cron.service", f"job {second} ran", 9))
    return pl.DataFrame(
        {
            "time": [row[0] for row in rows],
            "unit": [row[1] for row in rows],
            "message": [row[2] for row in rows],
            "severity": [row[3] for row in rows],
        }
    ).select(
        pl.col("time").cast(LOGS["time"]),
        pl.lit(host).alias("host"),
        pl.lit("systemd").alias("source"),
        pl.lit("journal").alias("subtype"),
        pl.col("severity").cast(pl.UInt8),
        "unit",
        pl.lit(None, pl.String).alias("container_name"),
        pl.lit(None, pl.String).alias("container_id"),
        "message",
        pl.int_range(pl.len()).cast(pl.UInt64).alias("event_id"),
        pl.lit(None, pl.String).alias("attributes"),
    )


def events(seconds: int) -> Events:
    """Both tables."""
    return Events(logs=logs(seconds), samples=samples(seconds))


def batches(whole: Events, every_s: float, seconds: int) -> list[tuple[Events, datetime]]:
    """`whole` cut into turns of `every_s`, each with the instant at which its reading ended."""
    turns = []
    edges = np.arange(0.0, seconds + every_s, every_s)
    for start, end in pairwise(edges):
        low, high = START + timedelta(seconds=float(start)), START + timedelta(seconds=float(end))
        mine = (pl.col("time") >= low) & (pl.col("time") < high)
        turns.append(
            (Events(logs=whole.logs.filter(mine), samples=whole.samples.filter(mine)), high)
        )
    return turns
