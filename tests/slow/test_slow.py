"""The slow looks as the pipeline has them: from values to findings, incidents and words."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from tests.slow.boxes import START, Boxes

from boxwatch.detections import Detection, Kind, Reason, Severity
from boxwatch.detections.degradation_words import METRICS, NAMES
from boxwatch.detections.fleet import NAMES as FLEET_NAMES
from boxwatch.detections.held_back import FEATURE, NAME
from boxwatch.detections.slow import SlowLooks
from boxwatch.detections.stopped import FEATURES
from boxwatch.events.schema import LOGS
from boxwatch.features.blocks import BLOCK, VALUES, Blocks
from boxwatch.features.fleet import FLEET
from boxwatch.incidents import Grouper
from boxwatch.incidents.causes import PATTERNS, tell
from boxwatch.incidents.relations import LASTING, SLOW
from boxwatch.live.state import flatten, unflatten
from boxwatch.reports.evidence import wanted
from boxwatch.store import pack, unpack

NO_LOGS = pl.DataFrame(schema=dict(LOGS))


def values(boxes: Boxes, number: int) -> pl.DataFrame:
    """Windows of five seconds of one block, of which three tell as much as sixty."""
    block = boxes.block(number)
    return pl.concat(
        block.select(
            "host",
            "entity",
            "metric",
            (pl.col("start") + timedelta(seconds=second)).alias("start"),
            pl.col(column).alias("value"),
        )
        for second, column in ((0, "low"), (100, "mean"), (200, "high"))
    ).select(list(VALUES))


def finding(
    name: str, entity: str, minute: float, *, metric: str = "", text: str = ""
) -> Detection:
    """A finding that still goes on."""
    start = START + timedelta(minutes=minute)
    reasons = (Reason(text or name, entity, metric, share=1.0),)
    return Detection(
        "box", entity, start, start, True, Kind.UNUSUAL, name, Severity.MEDIUM, reasons
    )


def test_a_hot_card_goes_from_values_to_an_incident() -> None:
    """Values of windows in, an incident with a cause and something to do out."""
    boxes = Boxes().changed("box0", "gpu:3", temperature_celsius=14.0)
    slow, grouper, told = SlowLooks(), Grouper(), []
    for number in range(8):
        found = slow.add(NO_LOGS, values(boxes, number))
        told += grouper.add(found, START + BLOCK * (number + 1))
    assert told[-1].title == "GPU 3 runs hotter than its peers"
    assert "cooling" in told[-1].causes[0].text
    assert ("gpu:3", "temperature_celsius") in wanted(told[-1]).series
    assert ("gpu:0", "temperature_celsius") in wanted(told[-1]).series


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_how_values_are_cut_does_not_matter(cut: int) -> None:
    """All at once or block by block: the same findings."""
    boxes = Boxes(cards=3).changed("box0", "gpu:1", temperature_celsius=20.0)
    whole = [values(boxes, number) for number in range(12)]
    slow, said = SlowLooks(), {}
    for first in range(0, 12, cut):
        for one in slow.add(NO_LOGS, pl.concat(whole[first : first + cut])):
            said[one.id] = (one.name, one.entity, one.start)
    assert list(said.values()) == [("gpu-hotter-than-peers", "gpu:1", START + BLOCK)]


def test_from_the_bytes_of_its_state_it_goes_on() -> None:
    """Saved in the middle of a block, too."""
    boxes = Boxes(cards=3).changed("box0", "gpu:1", temperature_celsius=20.0)
    runs = []
    for saved in (False, True):
        slow, said = SlowLooks(), []
        for number in range(12):
            if saved:
                state = pack(flatten({"slow": slow.save()}))
                slow = SlowLooks()
                slow.load(unflatten(unpack(state))["slow"])
            said += slow.add(NO_LOGS, values(boxes, number))
        runs.append(said)
    assert runs[0] == runs[1] != []


def test_blocks_are_means_of_what_is_known() -> None:
    """An unknown value counts as none; low and high are those of the known ones."""
    blocks = Blocks()
    start = START
    rows = [
        ("box", "gpu:0", "temperature_celsius", start + timedelta(seconds=5 * n), value)
        for n, value in enumerate((50.0, None, 60.0))
    ]
    after = ("box", "gpu:0", "temperature_celsius", start + BLOCK, 70.0)
    frame = pl.DataFrame([*rows, after], schema=dict(VALUES), orient="row")
    (one,) = blocks.add(frame).to_dicts()
    assert (one["mean"], one["low"], one["high"], one["known"]) == (55.0, 50.0, 60.0, 2)


def test_blocks_do_not_take_what_comes_too_late() -> None:
    """A block that is closed stays closed; a clock set far back begins anew."""
    blocks, boxes = Blocks(), Boxes(cards=1)
    for number in (20, 21):
        blocks.add(values(boxes, number))
    assert blocks.add(values(boxes, 19)).is_empty()
    assert blocks.add(values(boxes, 22))["start"].unique().to_list() == [START + 21 * BLOCK]
    blocks.add(values(boxes, 1))
    assert blocks.add(values(boxes, 2))["start"].unique().to_list() == [START + BLOCK]


def test_every_feature_of_the_slow_looks_has_a_cause() -> None:
    """Nothing is found without a word for it."""
    named = {(p.entity, f) for p in PATTERNS for f in (*p.all, *p.any)}
    assert {("gpu", name) for name in FLEET.columns} <= named
    for level, metric in METRICS.items():
        entity = {"memory": "host", "service_memory": "service", "room": "fs"}.get(level, "gpu")
        assert (entity, metric) in named
    assert {(e, f) for e in ("gpu", "host") for f in FEATURES.values()} <= named
    assert ("gpu", FEATURE) in named
    assert set(FLEET_NAMES) == set(FLEET.columns)


def test_what_lasts_is_known_to_the_grouping() -> None:
    """Every name of a slow finding stands in one of its two tables."""
    assert {*NAMES.values(), *FEATURES} == SLOW
    assert {*FLEET_NAMES.values(), NAME} == LASTING


def test_a_trend_takes_nothing_else_in() -> None:
    """A card that warms for days and then falls off the bus: two incidents."""
    grouper = Grouper()
    slow = finding("gpu-temperature-rising", "gpu:0", 0, metric="temperature_trend")
    other = finding("gpu-unusual", "gpu:0", 1, metric="memory_climb")
    grouper.add([slow], START)
    assert len(grouper.add([other], START + timedelta(minutes=2))) == 1
    assert grouper.add([other], START + timedelta(minutes=2)) == []


@pytest.mark.parametrize(("minute", "incidents"), [(10, 1), (300, 2)])
def test_a_card_unlike_its_peers_takes_in_only_what_comes_with_it(
    minute: float, incidents: int
) -> None:
    """What begins hours later on the same card is another thing."""
    grouper = Grouper()
    beside = finding("gpu-slower-than-peers", "gpu:0", 0, metric="slower_than_peers")
    later = finding("gpu-unusual", "gpu:0", minute, metric="throttle")
    changed = grouper.add([beside], START)
    changed += grouper.add([later], START + timedelta(minutes=minute))
    assert len({one.id for one in changed}) == incidents


def test_a_disk_that_fills_is_told_with_what_to_do() -> None:
    """The path stands in the command."""
    text = "/data is full in 9 h at this rate: 80 % in use, 2.0 % (40.0 GB) more every hour for 6 h"
    found = finding("disk-filling-slowly", "fs:/data", 0, metric="room_trend", text=text)
    story = tell([found], "box", {})
    assert "du -xhd1 /data" in story.action
    assert "full in 9 h" in story.causes[0].why


def test_no_values_are_no_work() -> None:
    """Nothing comes of nothing."""
    assert SlowLooks().add(NO_LOGS, pl.DataFrame(schema=dict(VALUES))) == []
