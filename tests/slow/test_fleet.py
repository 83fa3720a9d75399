"""Cards beside their peers: what stands out, what does not, and what must not matter."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.slow.boxes import Boxes

from boxwatch.detections import Detection
from boxwatch.detections.chances import normal_tail, pooled, student_tail
from boxwatch.detections.fleet import FleetWatch
from boxwatch.events.schema import LOGS
from boxwatch.features.fleet import FLEET, Fleet

SLOW = {"clock_sm_hertz": -2.7e8, "power_draw_watts": -40.0}
STRANGE = {
    "gpu-hotter-than-peers": {"temperature_celsius": 14.0},
    "gpu-slower-than-peers": SLOW,
    "gpu-link-below-peers": {"pcie_width_lanes": -8.0},
    "gpu-limit-below-peers": {"power_limit_watts": -100.0},
    "gpu-ecc-above-peers": {"ecc_corrected_total": 4 / 300},
}


def found(boxes: Boxes, many: int = 12) -> list[Detection]:
    """All that is found in `many` blocks, the last word on each."""
    fleet, watch = Fleet(), FleetWatch()
    said = [one for block in boxes.blocks(many) for one in watch.add(fleet.add(block))]
    return list({one.id: one for one in said}.values())


@pytest.mark.parametrize("name", STRANGE)
def test_a_card_that_stands_out_is_found(name: str) -> None:
    """One of eight cards is strange, and nothing else is said."""
    (one,) = found(Boxes().changed("box0", "gpu:3", **STRANGE[name]))
    assert (one.name, one.entity, one.open) == (name, "gpu:3", True)


def test_a_hotter_card_is_told_with_its_peers_and_numbers() -> None:
    """Fourteen degrees more than the seven others at equal power."""
    (one,) = found(Boxes().changed("box0", "gpu:3", temperature_celsius=14.0))
    text = one.reasons[0].text
    assert "14 °C hotter than the 7 other GPU of 80 GB of its host (gpu:0, gpu:1, gpu:2, gp" in text
    assert [reason.metric for reason in one.reasons[1:]] == ["temperature_celsius"] * 2


def test_cards_alike_are_no_finding() -> None:
    """Eight cards for a working day: they differ as cards do."""
    assert found(Boxes(), 96) == []


@pytest.mark.parametrize(("cards", "strange"), [(2, 0), (3, 1)])
def test_two_peers_are_needed(cards: int, strange: int) -> None:
    """Of two cards nobody can say which one is strange."""
    boxes = Boxes(cards=cards).changed("box0", "gpu:0", temperature_celsius=16.0)
    assert len(found(boxes)) == strange


def test_of_two_cards_the_one_that_slows_itself_down_is_strange() -> None:
    """Where a card is slowed by heat, that is the reason that says which one."""
    hot = {"temperature_celsius": 16.0, "throttle_sw_thermal_seconds_total": 0.2}
    (one,) = found(Boxes(cards=2).changed("box0", "gpu:0", **hot))
    assert one.entity == "gpu:0"


def test_boxes_of_one_card_are_compared_with_each_other() -> None:
    """Peers are of all hosts where a box has none."""
    boxes = Boxes(hosts=12, cards=1, power=0.6).changed("box4", "gpu:0", temperature_celsius=25.0)
    (one,) = found(boxes)
    assert one.host == "box4"
    assert "the 11 other GPU of 80 GB of 11 hosts" in one.reasons[0].text


def test_a_card_that_draws_more_power_is_not_slow() -> None:
    """It is slower because it does heavier work."""
    assert found(Boxes().changed("box0", "gpu:1", **(SLOW | {"power_draw_watts": 120.0}))) == []


def test_a_warmer_card_at_more_power_is_not_strange() -> None:
    """Only cards at equal power are compared by their heat."""
    boxes = Boxes(power=0.3)
    more = {"power_draw_watts": 420.0, "temperature_celsius": 27.0}
    assert found(boxes.changed("box0", "gpu:1", **more)) == []


def test_an_idle_link_is_not_compared() -> None:
    """Idle cards lower their links."""
    idle = {"utilization_ratio": -0.9, "pcie_generation": -4.0}
    assert found(Boxes().changed("box0", "gpu:1", **idle)) == []


def test_a_finding_ends_when_the_card_is_like_its_peers() -> None:
    """As many blocks as it took to be sure, and it is over."""
    fleet, watch = Fleet(), FleetWatch()
    hot, same = Boxes().changed("box0", "gpu:3", temperature_celsius=14.0), Boxes()
    parts = [*hot.blocks(8), *same.blocks(8, 8)]
    said = [one for block in parts for one in watch.add(fleet.add(block))]
    assert [one.open for one in said] == [True, False]
    assert said[1].id == said[0].id


def test_models_come_from_what_the_driver_says() -> None:
    """A card of another model is no peer, and the model is named."""
    told = [
        (f"gpu:{n}", json.dumps({"index": str(n), "name": "NVIDIA L4" if n < 4 else "NVIDIA H100"}))
        for n in range(8)
    ]
    logs = pl.DataFrame(
        {"attributes": [text for _, text in told]}, schema={"attributes": pl.String}
    ).with_columns(host=pl.lit("box0"), source=pl.lit("gpu"), subtype=pl.lit("card"))
    logs = pl.concat([pl.DataFrame(schema=dict(LOGS)), logs], how="diagonal").select(list(LOGS))
    fleet = Fleet()
    fleet.learn(logs)
    fleet.add(Boxes().block(0))
    beside = fleet.add(Boxes().block(1)).filter(feature="limit_below_peers")
    assert beside["peers"].to_list() == [3] * 8
    assert sorted(set(beside["model"])) == ["NVIDIA H100", "NVIDIA L4"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Rows in any order: the same comparisons."""
    blocks = [Boxes(hosts=2, cards=3).block(number) for number in range(2)]
    frames = []
    for shuffled in (False, True):
        fleet = Fleet()
        for block in blocks:
            mixed = block.sample(fraction=1.0, shuffle=True, seed=seed) if shuffled else block
            one = fleet.add(mixed)
        frames.append(one.drop("group").sort("host", "entity", "feature"))
    assert_frame_equal(*frames)


@settings(max_examples=15, deadline=None)
@given(more=st.integers(1, 4), strange=st.floats(-30, 30))
def test_one_more_host_changes_nothing_for_others(more: int, strange: float) -> None:
    """Boxes with peers of their own do not care who else is watched, whatever is up there."""
    frames = []
    for hosts in (2, 2 + more):
        boxes = Boxes(hosts=2, cards=4)
        fleet = Fleet()
        for number in range(2):
            own = boxes.block(number)
            other = Boxes(hosts=hosts, cards=4, seed=7).block(number)
            other = other.filter(~pl.col("host").is_in(["box0", "box1"])).with_columns(
                mean=pl.col("mean") + strange
            )
            one = fleet.add(pl.concat([own, other]))
        mine = one.filter(pl.col("host").is_in(["box0", "box1"]))
        frames.append(mine.drop("group").sort("host", "entity", "feature"))
    assert frames[0].height > 30
    assert_frame_equal(*frames)


def test_what_is_beside_a_card_is_the_median_of_the_others() -> None:
    """Against the definition, for each card of some groups of different sizes."""
    fleet = Fleet()
    boxes = Boxes(hosts=1, cards=7)
    fleet.add(boxes.block(0))
    beside = fleet.add(boxes.block(1)).filter(feature="slower_than_peers")
    for row in beside.iter_rows(named=True):
        others = beside.filter(pl.col("entity") != row["entity"])["own"]
        assert row["usual"] == pytest.approx(others.median())


def test_a_saved_watch_goes_on() -> None:
    """Loaded from its state it says what an uninterrupted one says."""
    boxes = Boxes(hosts=2).changed("box1", "gpu:2", **SLOW)
    whole = found(boxes, 10)
    fleet, watch, said = Fleet(), FleetWatch(), []
    for block in boxes.blocks(10):
        again_fleet, again = Fleet(), FleetWatch()
        again_fleet.load(fleet.save())
        again.load(json.loads(json.dumps(watch.save())))
        fleet, watch = again_fleet, again
        said += watch.add(fleet.add(block))
    assert list({one.id: one for one in said}.values()) == whole


def test_unknown_metrics_are_no_comparison() -> None:
    """Cards that say nothing but their load have nothing to compare."""
    bare = pl.col("metric").is_in(["utilization_ratio", "memory_total_bytes"])
    assert Fleet().add(Boxes().block(0).filter(bare)).is_empty()


def test_every_feature_is_compared() -> None:
    """The columns of the view are what is compared, once what comes with time is known."""
    fleet = Fleet()
    fleet.add(Boxes().block(0))
    features = set(fleet.add(Boxes().block(1))["feature"])
    assert features == set(FLEET.columns) - {"memory_hotter_than_peers"}


@pytest.mark.parametrize(
    ("t", "freedom", "exact"),
    [(2.0, 4, 0.0580583), (3.0, 10, 0.0066718), (4.0, 14, 0.00065867), (6.0, 8, 0.00016170)],
)
def test_tails_are_those_of_the_tables(t: float, freedom: float, exact: float) -> None:
    """Student's t within a tenth."""
    assert student_tail(t, freedom) == pytest.approx(exact, rel=0.1)


def test_chances_at_their_ends() -> None:
    """Half where nothing is found; the known spread where nothing else is known."""
    assert student_tail(-1, 5) == student_tail(float("nan"), 5) == 0.5
    assert normal_tail(1.959964) == pytest.approx(0.025, rel=1e-4)
    assert pooled(3.0, 8, 0.0, 0) == 3.0
    assert np.isclose(pooled(3.0, 8, 1.0, 1e9), 1.0)
