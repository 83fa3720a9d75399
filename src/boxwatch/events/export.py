"""The public export: logs and samples as one table, for people and notebooks.

One row is a log line, a discrete event or one reading of one entity. A GPU reading is one wide row;
other readings are one row a metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import polars as pl

from boxwatch.events import ndjson
from boxwatch.events.schema import LOGS, SAMPLES, RawChunk, check
from boxwatch.events.severity import SYSLOG

# Export column -> (metric, units of the column in one unit of the metric).
GPU_COLUMNS: Final[Mapping[str, tuple[str, float]]] = {
    "temperature_gpu_c": ("temperature_celsius", 1.0),
    "utilization_gpu_pct": ("utilization_ratio", 100.0),
    "memory_used_mb": ("memory_used_bytes", 1 / 1024**2),
    "memory_total_mb": ("memory_total_bytes", 1 / 1024**2),
    "temperature_memory_c": ("memory_temperature_celsius", 1.0),
    "utilization_memory_pct": ("memory_utilization_ratio", 100.0),
    "power_draw_w": ("power_draw_watts", 1.0),
    "power_limit_w": ("power_limit_watts", 1.0),
    "fan_speed_pct": ("fan_speed_ratio", 100.0),
    "clock_sm_mhz": ("clock_sm_hertz", 1e-6),
    "clock_memory_mhz": ("clock_memory_hertz", 1e-6),
    "pstate": ("pstate", 1.0),
    "pcie_generation": ("pcie_generation", 1.0),
    "pcie_width": ("pcie_width_lanes", 1.0),
    "throttle_active_bits": ("throttle_active_bits", 1.0),
    "ecc_corrected": ("ecc_corrected_total", 1.0),
    "ecc_uncorrected": ("ecc_uncorrected_total", 1.0),
}

COMBINED: Final[Mapping[str, pl.DataType]] = {
    "timestamp": pl.String(),  # ISO 8601, UTC, microseconds
    "source": pl.String(),
    "host": pl.String(),
    "category": pl.String(),  # log, event or metric
    "subtype": pl.String(),  # the collector: systemd, docker, gpu, host, kernel, file, app
    "severity": pl.String(),  # the syslog priority "0" to "7"; of journal records only
    "severity_number": pl.Int64(),  # OpenTelemetry, of all logs
    "unit": pl.String(),
    "container_name": pl.String(),
    "container_id": pl.String(),
    "message": pl.String(),
    "stream": pl.String(),  # journal, stdout, stderr, event, ...
    "event_id": pl.String(),  # digits: readers of JSON round numbers of this size
    "attributes": pl.String(),
    "gpu_index": pl.Int64(),
    "gpu_name": pl.String(),
    **{name: pl.Float64() for name in GPU_COLUMNS},
    "entity": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
    "reason": pl.String(),  # why values are null, as "metric: reason; ..." for a GPU
}

_PRIORITY: Final = {number: level for level, number in SYSLOG.items()}
_NAMES: Final = {"host": pl.String(), "entity": pl.String(), "gpu_name": pl.String()}


def combined_events(
    logs: pl.DataFrame, samples: pl.DataFrame, gpus: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`logs` (LOGS) and `samples` (SAMPLES) as one table (COMBINED), by time.

    `gpus` gives the model names (`host, entity, gpu_name`, as `gpu_names` reads them); without it
    `gpu_name` is null. Samples carry no names.

    Raises:
        SchemaError: a table lacks a column or has it in another type.

    """
    logs = check(logs, LOGS, "combined_events")
    samples = check(samples, SAMPLES, "combined_events")
    of_gpu = pl.col("entity").str.starts_with("gpu:").fill_null(value=False)
    parts = [
        _from_logs(logs),
        _from_gpus(samples.filter(of_gpu), gpus),
        _from_samples(samples.filter(~of_gpu)),
    ]
    table = pl.concat(parts, how="diagonal").sort("time", maintain_order=True)
    stamp = pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    table = table.with_columns(stamp.alias("timestamp"))
    # A kind of record that is not in the tables leaves its columns out.
    said = set(table.columns)
    return table.select(
        (pl.col(name) if name in said else pl.lit(None)).cast(kind).alias(name)
        for name, kind in COMBINED.items()
    )


def gpu_names(chunk: RawChunk) -> pl.DataFrame:
    """The model name of every GPU in a raw chunk of kind `gpu`: `host, entity, gpu_name`."""
    records = ndjson.read(chunk, ("host", "index", "name"), datetime.now(UTC))
    return (
        records.frame.select(
            pl.col("host").fill_null(chunk.host),
            ("gpu:" + pl.col("index").str.strip_chars()).alias("entity"),
            pl.col("name").alias("gpu_name"),
        )
        .drop_nulls()
        .unique(["host", "entity"], keep="last", maintain_order=True)
    )


def _from_logs(logs: pl.DataFrame) -> pl.DataFrame:
    event = pl.col("subtype") == "event"
    journal = pl.col("subtype") == "journal"
    return logs.select(
        "time",
        "source",
        "host",
        pl.when(event).then(pl.lit("event")).otherwise(pl.lit("log")).alias("category"),
        pl.col("source").alias("subtype"),
        pl.when(journal)
        .then(pl.col("severity").replace_strict(_PRIORITY, default=None, return_dtype=pl.String))
        .alias("severity"),
        pl.col("severity").alias("severity_number"),
        "unit",
        "container_name",
        "container_id",
        "message",
        pl.col("subtype").alias("stream"),
        "event_id",
        "attributes",
    )


def _from_samples(samples: pl.DataFrame) -> pl.DataFrame:
    return samples.with_columns(
        pl.lit("metric").alias("category"), pl.col("source").alias("subtype")
    )


def _from_gpus(samples: pl.DataFrame, gpus: pl.DataFrame | None) -> pl.DataFrame:
    readings = ["time", "host", "source", "entity"]
    wide = [
        (pl.col("value").filter(pl.col("metric") == metric).first() * factor).alias(name)
        for name, (metric, factor) in GPU_COLUMNS.items()
    ]
    why = pl.format("{}: {}", "metric", "reason").filter(pl.col("reason").is_not_null())
    reasons = why.sort().str.join("; ").replace("", None).alias("reason")
    names = pl.DataFrame(schema=_NAMES) if gpus is None else gpus.select(list(_NAMES))
    return (
        samples.group_by(readings, maintain_order=True)
        .agg(*wide, reasons)
        .join(names, on=["host", "entity"], how="left", maintain_order="left")
        .with_columns(
            pl.lit("metric").alias("category"),
            pl.col("source").alias("subtype"),
            pl.col("entity").str.slice(4).cast(pl.Int64, strict=False).alias("gpu_index"),
        )
    )
