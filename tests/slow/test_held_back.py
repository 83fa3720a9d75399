"""Cards beside their own last hours: a clock that is lower for no reason that is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.slow.boxes import START, Boxes

from boxwatch.detections import Detection
from boxwatch.detections.held_back import NAME, HeldBack
from boxwatch.features.blocks import BLOCK

FAULT = START + 24 * BLOCK
PAIR = Boxes(cards=2)
CAPPED = {"throttle_sw_power_cap_seconds_total": 0.5}


def slower(boxes: Boxes, **changes: float) -> Boxes:
    """The first card has 12 % less clock from the 24th block on."""
    return replace(boxes.changed("box0", "gpu:0", clock_sm_hertz=-2.3e8, **changes), since=FAULT)


def found(boxes: Boxes, many: int = 36, watch: HeldBack | None = None) -> list[Detection]:
    """The last word on each finding of `many` blocks."""
    watch = HeldBack() if watch is None else watch
    said = [one for block in boxes.blocks(many) for one in watch.add(block)]
    return list({one.id: one for one in said}.values())


def test_a_slow_card_of_two_is_found_and_told_in_numbers() -> None:
    """No peer can say which of two cards is slow: its own past does, from the first slow block."""
    (one,) = found(slower(PAIR))
    assert (one.name, one.entity, one.start, one.open) == (NAME, "gpu:0", FAULT, True)
    assert "12 % less, and its driver names no reason" in one.reasons[0].text


def test_cards_that_work_as_before_are_no_finding() -> None:
    """Two days of cards that differ from block to block as cards do."""
    assert found(PAIR, 576) == []


@pytest.mark.parametrize("reason", ["sw_power_cap", "sw_thermal"])
def test_what_the_driver_tells_is_no_finding(reason: str) -> None:
    """Less clock at the power limit or in the heat is what those are for."""
    assert found(slower(PAIR, **{f"throttle_{reason}_seconds_total": 0.2})) == []


@pytest.mark.parametrize("less", [0.945, 0.8])
def test_a_card_with_little_to_do_is_no_finding(less: float) -> None:
    """Cards at rest lower their clocks, and with little to do may not raise them."""
    assert found(slower(PAIR, utilization_ratio=-less)) == []


def test_a_card_that_had_little_to_do_before_is_known() -> None:
    """A night of short requests says what a card can reach."""
    watch, night = HeldBack(), PAIR.changed("box0", "gpu:0", utilization_ratio=-0.9)
    found(night, 24, watch)
    said = [one for n in range(24, 30) for one in watch.add(slower(PAIR).block(n))]
    assert {one.entity for one in said} == {"gpu:0"}


def test_an_hour_at_work_is_needed() -> None:
    """A card that has worked for less is not known yet."""
    early = replace(slower(PAIR), since=START + 5 * BLOCK)
    assert found(early) == []


def test_clocks_of_limited_hours_count_for_the_past() -> None:
    """A card that was at its power limit before is slow if it reaches less without it."""
    watch, limited = HeldBack(), PAIR.changed("box0", "gpu:0", **CAPPED)
    found(limited, 24, watch)
    said = [one for n in range(24, 30) for one in watch.add(slower(PAIR).block(n))]
    assert {one.entity for one in said} == {"gpu:0"}


def test_it_ends_when_the_clock_is_back() -> None:
    """As many blocks as it was told after, and it is closed."""
    watch = HeldBack()
    (opened,) = found(slower(PAIR), 30, watch)
    (ended,) = [one for n in range(30, 40) for one in watch.add(PAIR.block(n))]
    assert ended.id == opened.id
    assert not ended.open


def test_after_a_day_it_is_what_is_usual() -> None:
    """A lock that somebody means is told for a day, and then no more."""
    (one,) = found(slower(PAIR), 400)
    assert not one.open


def test_a_card_that_is_gone_is_forgotten() -> None:
    """Its finding ends a day after it was at work last."""
    watch = HeldBack()
    found(slower(PAIR), 30, watch)
    one = Boxes(cards=1, seed=2)
    said = [d for n in range(30, 330) for d in watch.add(one.changed("box0", "gpu:0").block(n))]
    assert all(not d.open for d in said)
    assert len(watch.save()["paces"]) == 1  # type: ignore[arg-type]


def test_a_watcher_that_starts_again_goes_on() -> None:
    """The same findings, whatever turns it was stopped between."""
    again, told = HeldBack(), []
    for block in slower(PAIR).blocks(36):
        fresh = HeldBack()
        fresh.load(again.save())
        told += fresh.add(block)
        again = fresh
    assert list({one.id: one for one in told}.values()) == found(slower(PAIR))
