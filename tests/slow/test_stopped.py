"""Missing data as a signal: what always came and does not, what always moved and stands still."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.slow.boxes import START, Boxes, hours

from boxwatch.detections import Detection
from boxwatch.detections.stopped import FROZEN, GONE, STALE, StoppedReadings

MANY = 60
FROM = 45  # the block from which something is amiss


def told(change: pl.Expr | None = None, keep: pl.Expr | None = None) -> list[Detection]:
    """What is said of blocks that are changed, or of which only some are kept, from FROM on.

    `change` is what `mean`, `low` and `high` are then.
    """
    watch, said = StoppedReadings(), []
    for number, block in enumerate(Boxes(cards=2).blocks(MANY)):
        if number >= FROM and keep is not None:
            block = block.filter(keep)  # noqa: PLW2901
        if number >= FROM and change is not None:
            block = block.with_columns(change)  # noqa: PLW2901
        said += watch.add(block)
    return said


def of(entity: str, metric: str = "") -> pl.Expr:
    """Rows of one entity, of one metric where one is named."""
    mine = pl.col("entity") == entity
    return mine & (pl.col("metric") == metric) if metric else mine


def stands(which: pl.Expr, value: float) -> pl.Expr:
    """Rows that are the same in every block, from now on."""
    columns = pl.col("mean", "low", "high")
    return pl.when(which).then(pl.lit(value)).otherwise(columns).name.keep()


def test_readings_as_they_are_are_no_finding() -> None:
    """Cards and a box for seven hours; some of their readings never move."""
    assert told() == []


def test_a_metric_that_stops_coming_is_told() -> None:
    """A quarter of an hour after it came last, once."""
    (one,) = told(keep=~of("gpu:1", "clock_sm_hertz"))
    assert (one.name, one.entity, one.open) == (GONE, "gpu:1", True)
    assert one.start == START + hours((FROM + 3) / 12)
    assert "no reading for 15 minutes, though it always came" in one.reasons[0].text


def test_an_entity_that_is_gone_is_told_by_others() -> None:
    """Where nothing of a card comes, no metric of it is missed."""
    assert told(keep=~of("gpu:1")) == []


def test_a_host_that_is_away_is_told_by_others() -> None:
    """Nothing at all comes from it."""
    assert told(keep=pl.lit(value=False)) == []


def test_a_value_that_stands_still_while_the_load_moves_is_told() -> None:
    """A sensor that hangs, on a card whose power goes up and down."""
    (one,) = told(stands(of("gpu:0", "temperature_celsius"), 61.0))
    assert (one.name, one.entity) == (FROZEN, "gpu:0")
    assert "the same for 30 minutes while the load moved" in one.reasons[0].text


def test_an_exporter_that_repeats_itself_is_told_as_one() -> None:
    """All that always moved stands still at once: one finding, not one a value."""
    (one,) = told(stands(of("gpu:0"), 55.0))
    assert (one.name, one.entity) == (STALE, "gpu:0")
    assert one.start == START + hours((FROM + 3) / 12 + 1 / 12)


def test_an_idle_card_may_stand_still() -> None:
    """Nothing runs on it, so nothing need move."""
    idle = stands(of("gpu:0") & (pl.col("metric") != "utilization_ratio"), 40.0)
    watch, said = StoppedReadings(), []
    for number, block in enumerate(Boxes(cards=1).blocks(MANY)):
        if number >= FROM:
            block = block.with_columns(idle).with_columns(  # noqa: PLW2901
                stands(of("gpu:0", "utilization_ratio"), 0.0)
            )
        said += watch.add(block)
    assert said == []


@pytest.mark.parametrize("metric", ["clock_sm_hertz"])
def test_it_ends_when_the_metric_comes_again(metric: str) -> None:
    """The same finding is closed."""
    watch, said = StoppedReadings(), []
    for number, block in enumerate(Boxes(cards=2).blocks(MANY)):
        gone = FROM <= number < FROM + 10
        said += watch.add(block.filter(~of("gpu:1", metric)) if gone else block)
    assert [one.open for one in said] == [True, False]
    assert said[0].id == said[1].id


def test_what_does_not_come_for_a_day_is_no_longer_expected() -> None:
    """A driver update took a reading away: the finding ends by itself."""
    watch, said = StoppedReadings(), []
    boxes = Boxes(cards=1)
    for number in (*range(FROM + 10), FROM + 286, FROM + 288):
        block = boxes.block(number)
        said += watch.add(block.filter(~of("gpu:0", "clock_sm_hertz")) if number > FROM else block)
    assert [(one.name, one.open) for one in said] == [(GONE, True), (GONE, False)]


def test_what_seldom_came_is_not_missed() -> None:
    """A reading that came in every second block is not one that always came."""
    watch, said = StoppedReadings(), []
    for number, block in enumerate(Boxes(cards=1).blocks(MANY)):
        seldom = number % 2 or number >= FROM
        said += watch.add(block.filter(~of("gpu:0", "clock_sm_hertz")) if seldom else block)
    assert said == []


def test_a_saved_watch_goes_on() -> None:
    """Loaded from its state in every block, it says the same."""
    watch, said = StoppedReadings(), []
    for number, block in enumerate(Boxes(cards=2).blocks(MANY)):
        state = watch.save()
        watch = StoppedReadings()
        watch.load(state | {"open": json.loads(json.dumps(state["open"]))})
        kept = block if number < FROM else block.filter(~of("gpu:1", "clock_sm_hertz"))
        said += watch.add(kept)
    assert said == told(keep=~of("gpu:1", "clock_sm_hertz"))
