"""What model servers say becomes features of their service; what they do not say is unknown."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from tests.features import small_box
from tests.features.test_windows import SECONDS, cut

from boxwatch.events.schema import Events
from boxwatch.features import VIEWS

METERS = [feature.name for feature in VIEWS["service"].features[6:]]


def of(entity: str, samples: pl.DataFrame | None = None) -> pl.DataFrame:
    """The service windows of one service of the small box."""
    whole = small_box.events(SECONDS)
    told = whole.samples if samples is None else samples
    windows = cut(5.0, Events(logs=whole.logs, samples=told))["service"]
    return windows.filter(pl.col("entity") == entity).sort("start")


def logged(value: float) -> float:
    """A value as features of the unit log hold it."""
    return pl.select(pl.lit(value).log1p()).item()


def test_counters_become_rates_and_sums_means() -> None:
    """Thirty tokens a second, two requests, a fifth of a second to the first token."""
    row = of("service:ollama").row(8, named=True)
    assert row["tokens"] == pytest.approx(logged(30))
    assert row["running"] == pytest.approx(logged(2))
    assert row["first_token"] == pytest.approx(logged(200))
    assert (row["stalled"], row["queue"], row["kv_cache"]) == (0.0, None, None)


def test_service_that_only_logs_says_nothing_of_itself() -> None:
    """Its lines are counted, the rest is unknown."""
    cron = of("service:cron")
    assert cron["lines_minute"].max() > 0
    assert cron.select(pl.col(METERS).is_null().all()).row(0) == (True,) * len(METERS)


def test_requests_without_a_step_stall() -> None:
    """From the window on in which no step came, more of each minute is stalled."""
    samples = small_box.samples(SECONDS)
    still = samples["time"] >= small_box.START + timedelta(seconds=100)
    counts = samples["metric"].is_in(["steps_total", "tokens_generated_total"])
    samples = samples.with_columns(value=pl.when(still & counts).then(1e4).otherwise("value"))
    ollama = of("service:ollama", samples)
    assert ollama["stalled"].max() == 1.0
    assert ollama["stalled"].drop_nulls().to_list() == sorted(ollama["stalled"].drop_nulls())


def test_service_without_lines_has_windows() -> None:
    """A server on another machine, known by its metrics alone."""
    samples = small_box.samples(SECONDS).with_columns(
        pl.col("entity").str.replace("service:ollama", "service:far")
    )
    far = of("service:far", samples)
    assert far.height > 10
    assert far["lines"].max() == 0.0
    assert far["tokens"].drop_nulls().len() > 10


def test_readings_far_apart_leave_windows_unknown() -> None:
    """Every twenty seconds a reading: every second window knows, and the rate is right."""
    second = pl.col("time").dt.second()
    samples = small_box.samples(SECONDS).filter(
        ~pl.col("entity").str.starts_with("service:") | (second % 20 == 0)
    )
    tokens = of("service:ollama", samples)["tokens"]
    assert 0 < tokens.null_count() < tokens.len()
    assert tokens.drop_nulls().to_list() == pytest.approx([logged(30)] * tokens.drop_nulls().len())
