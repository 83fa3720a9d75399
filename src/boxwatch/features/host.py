"""The `host` view: one machine over five seconds, with its disks, file systems, interfaces."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.features.view import Direction, Feature, View

_HIGH, _CONTEXT = Direction.HIGH, Direction.CONTEXT

HOST: Final = View(
    "host",
    5,
    (
        Feature("cpu_busy", "ratio", _HIGH, 0.1, 0.04, "processor time in use"),
        Feature("cpu_saturated", "ratio", _HIGH, 0.15, 0.05, "how near all processors are to full"),
        Feature("cpu_pressure", "ratio", _HIGH, 0.12, 0.05, "time some task waited for a core"),
        Feature(
            "cpu_iowait", "ratio", _HIGH, 0.08, 0.04, "processor time waiting for I/O, a minute"
        ),
        Feature("cpu_steal", "ratio", _HIGH, 0.1, 0.05, "processor time the hypervisor took"),
        Feature("load", "", _HIGH, 0.5, 0.2, "load average over one minute, per core"),
        Feature("processes", "log", _HIGH, 0.15, 0.05, "processes alive"),
        Feature("blocked", "log", _HIGH, 0.7, 0.4, "processes in uninterruptible sleep"),
        Feature("memory_used", "ratio", _HIGH, 0.12, 0.04, "memory not available to programs"),
        Feature("memory_climb", "ratio", _HIGH, 0.02, 0.01, "memory growth without a pause"),
        Feature("memory_pressure", "ratio", _HIGH, 0.05, 0.03, "time some task waited for memory"),
        Feature("swap_used", "ratio", _HIGH, 0.1, 0.04, "swap in use"),
        Feature("swap_traffic", "log", _HIGH, 1.0, 0.5, "MB/s to and from swap"),
        Feature(
            "io_pressure", "ratio", _HIGH, 0.12, 0.05, "time some task waited for I/O, a minute"
        ),
        Feature("disk_busy", "ratio", _HIGH, 0.15, 0.08, "time the busiest disk worked, a minute"),
        Feature("disk_latency", "log", _HIGH, 0.7, 0.4, "ms an operation took, a minute"),
        Feature("disk_read", "log", _CONTEXT, 1.1, 0.5, "MB/s read"),
        Feature("disk_written", "log", _HIGH, 1.1, 0.5, "MB/s written, a minute"),
        Feature("filesystem_used", "ratio", _HIGH, 0.05, 0.02, "fullest file system"),
        Feature("filesystem_climb", "ratio", _HIGH, 0.02, 0.01, "its growth without a pause"),
        Feature("net_received", "log", _CONTEXT, 1.0, 0.5, "MB/s received"),
        Feature("net_sent", "log", _HIGH, 1.0, 0.5, "MB/s sent"),
        Feature("net_small_packets", "log", _HIGH, 0.6, 0.3, "thousand small packets/s"),
        Feature("net_errors", "log", _HIGH, 0.8, 0.5, "network errors and drops a second"),
        Feature("sensor", "celsius", _HIGH, 7.0, 3.0, "hottest sensor"),
        Feature("unreadable", "ratio", _HIGH, 0.05, 0.05, "readings that turned unknown"),
    ),
)

HOST_METRICS: Final = [
    "cpu_cores",
    "cpu_busy_seconds_total",
    "cpu_iowait_seconds_total",
    "cpu_steal_seconds_total",
    "load1",
    "processes_alive",
    "processes_blocked",
    "memory_total_bytes",
    "memory_available_bytes",
    "swap_total_bytes",
    "swap_used_bytes",
    "swap_in_bytes_total",
    "swap_out_bytes_total",
    "pressure_cpu_seconds_total",
    "pressure_memory_seconds_total",
    "pressure_io_seconds_total",
]
SUMMED: Final = [
    "read_bytes_total",
    "written_bytes_total",
    "reads_total",
    "writes_total",
    "wait_seconds_total",
    "received_bytes_total",
    "sent_bytes_total",
    "received_packets_total",
    "sent_packets_total",
    "errors_total",
    "drops_total",
]
HIGHEST: Final = ["busy_seconds_total", "filesystem_used_ratio", "sensor_celsius"]
PARTS: Final = ["disk:", "fs:", "net:", "sensor:"]
# Loading a model reads at full speed for some seconds, and that is what AI servers do all day: what
# a disk does is judged by the minute.
BY_THE_MINUTE: Final = ["cpu_iowait", "io_pressure", "disk_busy", "disk_latency", "disk_written"]

_NEARLY_FULL: Final = 0.85  # of all processor time: from here on there is little room left
_FULL_PACKET: Final = 600.0  # bytes: a download's packets with their acknowledgements are larger

METRICS: Final = [*HOST_METRICS, *SUMMED, *HIGHEST, "size_bytes", "available_bytes"]


def filesystem_use(valued: pl.DataFrame) -> pl.DataFrame:
    """Add one row per file system and window: the share in use, as `filesystem_used_ratio`."""
    key = ["host", "entity", "start"]
    room = valued.filter(pl.col("metric") == "available_bytes").select(*key, free="value")
    size = valued.filter(pl.col("metric") == "size_bytes").select(*key, size="value")
    used = size.join(room, on=key).select(
        *key,
        pl.lit("filesystem_used_ratio").alias("metric"),
        (1 - pl.col("free") / pl.col("size")).alias("value"),
    )
    return pl.concat([valued.select(*key, "metric", "value"), used])


def features(wide: pl.DataFrame) -> pl.DataFrame:
    """The features that follow from one window's metrics alone (`wide`: one column a metric)."""
    cores = pl.col("cpu_cores")
    packets = pl.col("received_packets_total") + pl.col("sent_packets_total")
    traffic = pl.col("received_bytes_total") + pl.col("sent_bytes_total")
    operations = pl.col("reads_total") + pl.col("writes_total")
    return wide.with_columns(
        (pl.col("cpu_busy_seconds_total") / cores).clip(0.0, 1.0).alias("cpu_busy"),
        ((pl.col("cpu_busy_seconds_total") / cores - _NEARLY_FULL) / (1 - _NEARLY_FULL))
        .clip(0.0, 1.0)
        .alias("cpu_saturated"),
        (pl.col("cpu_iowait_seconds_total") / cores).clip(0.0, 1.0).alias("cpu_iowait"),
        (pl.col("cpu_steal_seconds_total") / cores).clip(0.0, 1.0).alias("cpu_steal"),
        pl.col("pressure_cpu_seconds_total").clip(0.0, 1.0).alias("cpu_pressure"),
        pl.col("pressure_memory_seconds_total").clip(0.0, 1.0).alias("memory_pressure"),
        pl.col("pressure_io_seconds_total").clip(0.0, 1.0).alias("io_pressure"),
        (pl.col("load1") / cores).alias("load"),
        pl.col("processes_alive").log1p().alias("processes"),
        pl.col("processes_blocked").log1p().alias("blocked"),
        (1 - pl.col("memory_available_bytes") / pl.col("memory_total_bytes")).alias("memory_used"),
        pl.when(pl.col("swap_total_bytes") > 0)
        .then(pl.col("swap_used_bytes") / pl.col("swap_total_bytes"))
        .alias("swap_used"),
        _log_mega(pl.col("swap_in_bytes_total") + pl.col("swap_out_bytes_total")).alias(
            "swap_traffic"
        ),
        pl.col("busy_seconds_total").clip(0.0, 1.0).alias("disk_busy"),
        pl.when(operations >= 1)
        .then((pl.col("wait_seconds_total") / operations * 1e3).log1p())
        .alias("disk_latency"),
        _log_mega(pl.col("read_bytes_total")).alias("disk_read"),
        _log_mega(pl.col("written_bytes_total")).alias("disk_written"),
        pl.col("filesystem_used_ratio").alias("filesystem_used"),
        _log_mega(pl.col("received_bytes_total")).alias("net_received"),
        _log_mega(pl.col("sent_bytes_total")).alias("net_sent"),
        ((packets - traffic / _FULL_PACKET).clip(0.0) / 1e3).log1p().alias("net_small_packets"),
        (pl.col("errors_total") + pl.col("drops_total")).log1p().alias("net_errors"),
        pl.col("sensor_celsius").alias("sensor"),
    )


def _log_mega(rate: pl.Expr) -> pl.Expr:
    return (rate / 1e6).log1p()
