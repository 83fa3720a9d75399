"""From events to windows: the one place where time is cut.

Windows lie on a fixed grid (their starts are multiples of their length since the epoch) and close
when the loop's `now` has passed their end by the lateness allowed. So the same events give the
same windows, however they are cut into batches.

A window in which a host sent nothing at all has no rows: nobody was watching, which is not the
same as silence. Where the host did send something, every entity known there gets a row, with
coverage 0 if nothing came from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from boxwatch.clock import to_micros
from boxwatch.events.masks import Mask
from boxwatch.events.schema import TIME, Events, Schema
from boxwatch.events.templates import TemplateMiner
from boxwatch.features import gpu, host, readings, service
from boxwatch.features.blocks import SERVICE_METRICS, VALUES, floor
from boxwatch.features.meters import SAMPLE, Meters
from boxwatch.features.roster import GONE, Roster, lately
from boxwatch.features.steady import Steady
from boxwatch.features.view import WINDOW_KEY, View

VIEWS: Final[Mapping[str, View]] = {
    view.name: view for view in (gpu.GPU, host.HOST, service.SERVICE)
}

_STEP = timedelta(seconds=gpu.GPU.window_s)
_LINE_STEP = timedelta(seconds=service.SERVICE.window_s)
_LINE: Final[Schema] = {
    "time": TIME,
    "host": pl.String(),
    "subtype": pl.String(),
    "unit": pl.String(),
    "container_name": pl.String(),
    "severity": pl.UInt8(),
    "new": pl.Boolean(),
}
_SLOT: Final[Schema] = {"host": pl.String(), "start": TIME}
_COUNTED: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "start": TIME,
    **dict.fromkeys((*service.COUNTS, *service.METERS), pl.Float64()),
}
_METRICS: Final = sorted({*gpu.METRICS, *host.METRICS, *SERVICE_METRICS})


class WindowBuilder:
    """Cuts events into windows. All state is in `save()`.

    Args:
        interval_s: how often a reading is expected; coverage is measured against it.
        lateness_s: how long after a window's end its samples may still come.
        masks: what varies in the user's own log lines.
    """

    def __init__(
        self, *, interval_s: float = 1.0, lateness_s: float = 1.0, masks: Sequence[Mask] = ()
    ) -> None:
        self.interval_s = interval_s
        self.lateness = timedelta(seconds=lateness_s)
        self.miner = TemplateMiner(masks=masks)
        self.values = pl.DataFrame(schema=dict(VALUES))  # of the windows that `add` closed last
        self.late_rows = 0
        self._closed: datetime | None = None
        self._closed_lines: datetime | None = None
        self._samples = pl.DataFrame(schema=dict(SAMPLE))
        self._lines = pl.DataFrame(schema=dict(_LINE))
        self._slots = pl.DataFrame(schema=dict(_SLOT))
        self._carry = pl.DataFrame(schema=dict(readings.CARRY))
        self._cards = Roster()
        self._services = Roster()
        self._tail = pl.DataFrame(schema=dict(_COUNTED))
        self._meters = Meters()
        self._readable: dict[tuple[str, str], int] = {}  # entity and metric -> when known last, µs
        self._steady = Steady(windows_a_minute=60 // gpu.GPU.window_s)

    def add(self, events: Events, now: datetime) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        """The windows that `now` closed, one frame per view (its `schema`), oldest first.

        Also the logs of `events` with `template_id`, `template` and `new`.
        """
        logs = self.miner.add(events.logs, service.service_name())
        samples = events.samples.filter(pl.col("metric").is_in(_METRICS)).select(list(SAMPLE))
        meters = events.samples.filter(pl.col("metric").is_in(service.METERS)).select(list(SAMPLE))
        first = _first_time(now, samples, meters, logs)
        boundary = floor(now - self.lateness, _STEP)
        line_boundary = floor(now - 2 * self.lateness, _LINE_STEP)
        self._closed = _from_where(self._closed, boundary, first, _STEP)
        self._closed_lines = _from_where(self._closed_lines, line_boundary, first, _LINE_STEP)
        ready = self._take_samples(samples, boundary)
        lines = self._take_lines(logs.select(list(_LINE)), line_boundary)
        said, late = self._meters.take(meters, self._closed_lines, line_boundary)
        self.late_rows += late
        slots = self._take_slots(pl.concat([ready, said]), lines, line_boundary)
        self._closed = max(self._closed, boundary)
        self._closed_lines = max(self._closed_lines, line_boundary)
        windows = self._sample_windows(ready)
        windows["service"] = self._service_windows(lines, self._meters.wide(said), slots)
        return windows, logs

    def _take_samples(self, samples: pl.DataFrame, boundary: datetime) -> pl.DataFrame:
        waiting = pl.concat([self._samples, samples.filter(pl.col("time") >= self._closed)])
        self.late_rows += self._samples.height + samples.height - waiting.height
        self._samples = waiting.filter(pl.col("time") >= boundary)
        return waiting.filter(pl.col("time") < boundary)

    def _take_lines(self, lines: pl.DataFrame, boundary: datetime) -> pl.DataFrame:
        waiting = pl.concat([self._lines, lines.filter(pl.col("time") >= self._closed_lines)])
        self.late_rows += self._lines.height + lines.height - waiting.height
        self._lines = waiting.filter(pl.col("time") >= boundary)
        return waiting.filter(pl.col("time") < boundary)

    def _take_slots(
        self, samples: pl.DataFrame, lines: pl.DataFrame, boundary: datetime
    ) -> pl.DataFrame:
        """The service windows below `boundary` in which a host sent anything."""
        truncated = pl.col("time").dt.truncate(_LINE_STEP).alias("start")
        slots = pl.concat(
            [self._slots, samples.select("host", truncated), lines.select("host", truncated)]
        ).unique()
        self._slots = slots.filter(pl.col("start") >= boundary)
        return slots.filter(pl.col("start") < boundary)

    def _sample_windows(self, ready: pl.DataFrame) -> dict[str, pl.DataFrame]:
        if ready.is_empty():
            self.values = pl.DataFrame(schema=dict(VALUES))
            return {name: pl.DataFrame(schema=dict(VIEWS[name].schema)) for name in ("gpu", "host")}
        reduced = readings.reduce(ready, gpu.GPU.window_s)
        valued, carry = readings.rates(reduced, self._carry)
        self._carry = lately(carry, "last_time")
        self.values = valued.select(list(VALUES))
        slots = reduced.select("host", "start").unique()
        quality = self._quality(reduced)
        gpus = valued.filter(pl.col("entity").str.starts_with("gpu:"))
        wide = gpu.features(readings.spread(gpus, gpu.METRICS, by="max"))
        grid = self._cards.grid(slots, gpus.select("host", "entity", "start").unique())
        cards = self._steady.gpu(_with_driver(_fit(grid, wide, quality, gpu.GPU)))
        machine = self._host_wide(host.filesystem_use(valued))
        whole = _fit(
            machine.select("host", "entity", "start"), host.features(machine), quality, host.HOST
        )
        return {"gpu": cards, "host": self._steady.host(whole)}

    def _host_wide(self, valued: pl.DataFrame) -> pl.DataFrame:
        """One row per host and window: its own metrics, its parts summed or at their highest."""
        mine = valued.filter(pl.col("entity") == "host")
        parts = valued.filter(
            pl.any_horizontal(pl.col("entity").str.starts_with(part) for part in host.PARTS)
        ).with_columns(pl.lit("host").alias("entity"))
        key = ["host", "entity", "start"]
        wide = readings.spread(mine, host.HOST_METRICS, by="max")
        for metrics, by in ((host.SUMMED, "sum"), (host.HIGHEST, "max")):
            wide = wide.join(readings.spread(parts, metrics, by=by), on=key, how="left")
        return wide

    def _quality(self, reduced: pl.DataFrame) -> pl.DataFrame:
        """Coverage, and the share of readings that turned unknown, per entity and window."""
        known = reduced.filter(pl.col("last").is_not_null()).select("entity", "metric").unique()
        latest = to_micros(reduced["start"].max())  # type: ignore[arg-type]
        self._readable.update(dict.fromkeys(known.iter_rows(), latest))
        oldest = latest - GONE // timedelta(microseconds=1)
        for name in [name for name, last in self._readable.items() if last < oldest]:
            del self._readable[name]
        readable = pl.DataFrame(
            sorted(self._readable),
            schema={"entity": pl.String, "metric": pl.String},
            orient="row",
        )
        expected = gpu.GPU.window_s / self.interval_s
        return (
            reduced.join(readable, on=["entity", "metric"], how="semi")
            .group_by("host", "entity", "start")
            .agg(
                (pl.col("readings").max() / expected).clip(0.0, 1.0).alias("coverage"),
                (pl.col("unknown").sum() / pl.col("readings").sum()).alias("unreadable"),
            )
        )

    def _service_windows(
        self, lines: pl.DataFrame, meters: pl.DataFrame, slots: pl.DataFrame
    ) -> pl.DataFrame:
        if slots.is_empty():
            return pl.DataFrame(schema=dict(service.SERVICE.schema))
        counted = service.count(lines)
        key = ["host", "entity", "start"]
        present = pl.concat([counted.select(key), meters.select(key)]).unique(maintain_order=True)
        regular = (
            self._services.grid(slots, present)
            .join(counted, on=key, how="left")
            .join(meters, on=key, how="left")
            .with_columns(pl.col(service.COUNTS).fill_null(0.0))
            .select(list(_COUNTED))
            .sort("start", "host", "entity")
        )
        whole = pl.concat([self._tail, regular.with_columns(fresh=True)], how="diagonal")
        featured = service.features(whole)
        tail = whole.select(list(_COUNTED)).group_by("host", "entity").tail(5)
        self._tail = lately(tail, "start")
        rows = featured.filter(pl.col("fresh")).with_columns(coverage=pl.lit(1.0))
        return _finish(rows, service.SERVICE)

    def save(self) -> dict[str, object]:
        """All state: frames and JSON-able values."""
        return {
            "closed": _text(self._closed),
            "closed_lines": _text(self._closed_lines),
            "late_rows": self.late_rows,
            "samples": self._samples,
            "lines": self._lines,
            "slots": self._slots,
            "carry": self._carry,
            "cards": self._cards.seen,
            "services": self._services.seen,
            "tail": self._tail,
            "meters": self._meters.save(),
            "readable": sorted([*name, last] for name, last in self._readable.items()),
            "steady": self._steady.save(),
            "miner": self.miner.save(),
        }

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._closed = _instant(saved["closed"])
        self._closed_lines = _instant(saved["closed_lines"])
        self.late_rows = int(saved["late_rows"])  # type: ignore[call-overload]
        for name in ("samples", "lines", "slots", "carry", "tail"):
            setattr(self, f"_{name}", saved[name])
        self._cards.seen = saved["cards"]  # type: ignore[assignment]
        self._services.seen = saved["services"]  # type: ignore[assignment]
        self._readable = {(e, m): last for e, m, last in saved["readable"]}  # type: ignore[attr-defined]
        self._meters.load(saved["meters"])  # type: ignore[arg-type]
        self._steady.load(saved["steady"])  # type: ignore[arg-type]
        self.miner.load(saved["miner"])  # type: ignore[arg-type]


def _fit(grid: pl.DataFrame, wide: pl.DataFrame, quality: pl.DataFrame, view: View) -> pl.DataFrame:
    """`grid` with the features of `wide`; a slot without any reading is wholly unreadable."""
    key = ["host", "entity", "start"]
    rows = (
        grid.join(wide, on=key, how="left")
        .join(quality, on=key, how="left")
        .with_columns(
            pl.col("coverage").fill_null(0.0),
            pl.when(pl.col("coverage").is_null())
            .then(1.0)
            .otherwise("unreadable")
            .alias("unreadable"),
        )
        .sort("start", "host", "entity")
    )
    return _finish(rows, view)


def _with_driver(cards: pl.DataFrame) -> pl.DataFrame:
    """`cards` without a word on unreadable ones where no card of the host gave a row.

    Then the driver as a whole does not answer, which tells nothing of any one card.
    """
    answered = pl.col("coverage").max().over("host", "start") > 0
    return cards.with_columns(pl.when(answered).then("unreadable").alias("unreadable"))


def _finish(rows: pl.DataFrame, view: View) -> pl.DataFrame:
    missing = [name for name in view.columns if name not in rows.columns]
    return rows.with_columns(
        pl.lit(view.name).alias("view"),
        (pl.col("start") + timedelta(seconds=view.window_s)).alias("end"),
        *(pl.lit(None, pl.Float64).alias(name) for name in missing),
    ).select([*WINDOW_KEY, *view.columns])


def _from_where(
    closed: datetime | None, boundary: datetime, first: datetime, step: timedelta
) -> datetime:
    """Where the open windows begin; a clock that was set back opens them again."""
    if closed is None:
        return floor(first, step)
    return boundary if boundary < closed - step else closed


def _first_time(now: datetime, *tables: pl.DataFrame) -> datetime:
    times = [frame["time"].min() for frame in tables if not frame.is_empty()]
    return min(times, default=now)  # type: ignore[type-var, return-value]


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))
