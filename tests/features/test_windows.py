from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.features import small_box

from boxwatch.events.schema import Events
from boxwatch.features import VIEWS, WindowBuilder

SECONDS = 200


def cut(
    every_s: float, whole: Events, builder: WindowBuilder | None = None
) -> dict[str, pl.DataFrame]:
    """The windows of `whole` by view, read in turns of `every_s`."""
    builder = WindowBuilder() if builder is None else builder
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in VIEWS}
    for events, now in small_box.batches(whole, every_s, SECONDS):
        for name, frame in builder.add(events, now)[0].items():
            parts[name].append(frame)
    return {name: pl.concat(frames) for name, frames in parts.items()}


@pytest.fixture(scope="module")
def by_five() -> dict[str, pl.DataFrame]:
    """The windows of the small box by view, read in turns of five seconds."""
    return cut(5.0, small_box.events(SECONDS))


@pytest.mark.parametrize("every_s", [1.0, 2.0, 7.0, 60.0, 200.0])
def test_windows_do_not_depend_on_batches(by_five, every_s: float) -> None:
    """However the same events are cut into turns, the same windows come out."""
    other = cut(every_s, small_box.events(SECONDS))
    for name in VIEWS:
        both = [frame.sort("start", "entity") for frame in (by_five[name], other[name])]
        rows = min(frame.height for frame in both)
        assert rows > 5
        assert_frame_equal(both[0].head(rows), both[1].head(rows))


@pytest.fixture(scope="module")
def of_nothing() -> dict[str, pl.DataFrame]:
    """What there is by view where nothing was read."""
    return cut(5.0, Events())


@pytest.mark.parametrize("name", list(VIEWS))
def test_a_view_keeps_its_schema(by_five, of_nothing, name: str) -> None:
    """Every frame of a view has its declared columns, empty ones too."""
    for windows in (by_five, of_nothing):
        assert dict(windows[name].schema) == dict(VIEWS[name].schema)


def test_counters_become_rates_and_parts_a_host(by_five) -> None:
    """Two disks that write 1 and 2 MB/s are a host that writes 3 MB/s."""
    host = by_five["host"]
    steady = host["disk_written"].drop_nulls()[3]
    assert steady == pytest.approx(pl.select(pl.lit(3.0).log1p()).item())
    assert host["cpu_busy"].drop_nulls()[3] == pytest.approx(0.2)


def test_a_counter_that_was_reset_gives_no_negative_rate() -> None:
    """After a reboot counters start at zero: the rate goes on from there."""
    whole = small_box.events(SECONDS)
    half = small_box.START + timedelta(seconds=100)
    is_counter = (pl.col("metric") == "cpu_busy_seconds_total") & (pl.col("time") >= half)
    samples = whole.samples.with_columns(
        pl.when(is_counter).then(pl.col("value") - 80.0).otherwise("value").alias("value")
    )
    busy = cut(5.0, Events(logs=whole.logs, samples=samples))["host"]["cpu_busy"].drop_nulls()
    assert busy.min() >= 0
    assert busy.max() == pytest.approx(0.2)


def without(cards: list[str]) -> pl.DataFrame:
    """The windows of two cards from when these stopped answering."""
    whole = small_box.events(SECONDS)
    half = small_box.START + timedelta(seconds=100)
    first = whole.samples.filter(pl.col("entity") == "gpu:0")
    samples = pl.concat([whole.samples, first.with_columns(entity=pl.lit("gpu:1"))]).sort("time")
    left = samples.filter(~(pl.col("entity").is_in(cards) & (pl.col("time") >= half)))
    gpu = cut(5.0, Events(logs=whole.logs, samples=left))["gpu"]
    return gpu.filter((pl.col("start") >= half) & pl.col("entity").is_in(cards))


def test_an_entity_that_stops_answering_gets_windows_without_coverage() -> None:
    """A card that is no longer listed is not a shorter list: its windows say unreadable."""
    gpu = without(["gpu:0"])
    assert gpu.height > 10
    assert gpu["coverage"].max() == 0.0
    assert gpu["unreadable"].min() == 1.0


def test_a_driver_that_does_not_answer_says_nothing_of_a_card() -> None:
    """No card gives a row: each has its windows without coverage, and none is unreadable."""
    gpu = without(["gpu:0", "gpu:1"])
    assert gpu.height > 20
    assert gpu["coverage"].max() == 0.0
    assert gpu["unreadable"].null_count() == gpu.height


def test_nobody_watching_is_not_silence() -> None:
    """Where a host sent nothing at all there are no windows: a stopped watcher raises nothing."""
    whole = small_box.events(SECONDS)
    low, high = (small_box.START + timedelta(seconds=s) for s in (60, 120))
    away = ~pl.col("time").is_between(low, high, closed="left")
    frames = cut(5.0, Events(logs=whole.logs.filter(away), samples=whole.samples.filter(away)))
    for frame in frames.values():
        assert frame.filter(pl.col("start").is_between(low, high, closed="left")).is_empty()


def test_a_saved_builder_goes_on_where_it_was(by_five) -> None:
    """Saved and loaded in the middle, the windows are those of an uninterrupted run."""
    turns = small_box.batches(small_box.events(SECONDS), 5.0, SECONDS)
    first, second = WindowBuilder(), WindowBuilder()
    parts = [first.add(events, now)[0]["host"] for events, now in turns[:17]]
    second.load(first.save())
    parts += [second.add(events, now)[0]["host"] for events, now in turns[17:]]
    assert_frame_equal(pl.concat(parts), by_five["host"])


def test_a_clock_set_back_does_not_stop_the_windows() -> None:
    """When the clock is set back an hour, windows go on from there at once."""
    builder = WindowBuilder()
    cut(5.0, small_box.events(SECONDS), builder)
    earlier = small_box.START - timedelta(hours=1)
    samples = small_box.samples(60).with_columns(pl.col("time") - timedelta(hours=1))
    builder.add(Events(samples=samples.head(14)), earlier)
    windows, _ = builder.add(Events(samples=samples.tail(-14)), earlier + timedelta(seconds=61))
    assert windows["host"].height >= 10


def test_services_are_counted_with_new_kinds_of_line(by_five) -> None:
    """Lines of one kind are one template: a service is new once, not at each number."""
    service = by_five["service"]
    ollama = service.filter(pl.col("entity") == "service:ollama")
    assert ollama["lines"].max() == pytest.approx(5**0.5)
    assert ollama["new_templates"].to_list().count(0.0) > ollama.height / 2
