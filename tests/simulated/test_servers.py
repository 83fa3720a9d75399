"""Other machines than the demo's, and the faults that only servers of GPUs have."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from boxwatch.sources.simulated import BUILDS, SERVER_FAULTS, Truth, simulate
from boxwatch.sources.simulated import gpu_physics as physics
from boxwatch.sources.simulated.box import inject, ordinary_day
from boxwatch.sources.simulated.card_model import H100, RTX_4080_SUPER
from boxwatch.sources.simulated.fault import Window
from boxwatch.sources.simulated.gpu_rows import printed, rows
from boxwatch.sources.simulated.schedule import Planned
from boxwatch.sources.simulated.world import Span

SPAN = Span(datetime(2026, 3, 2, 9, tzinfo=UTC), 3600)


def broken(name, build="training", severity=0.8, seed=3):
    """An hour of a machine with one fault from minute 20 to 40, and what was injected."""
    world = ordinary_day(SPAN, seed, "server", BUILDS[build])
    window = Window(1200, 2400, severity, np.random.default_rng(seed))
    return world, inject(world, Planned(SERVER_FAULTS[name], window))


def card_of(world, fault):
    """The card that is broken."""
    return world.cards[int(fault.entity[4:])]


def said(world, name="kernel"):
    """The lines during the fault."""
    return [row[3] for row in world.lines.rows if row[1] == name and 1200 <= row[0] <= 2400]


def answers(world):
    """What nvidia-smi would print in the hour, by card."""
    frame = rows(world).with_columns(wall=pl.col("second") * 1_000_000)
    return printed(frame, "server", world.build)


@pytest.mark.parametrize("name", sorted(BUILDS))
def test_a_machine_has_its_cards(name):
    """Every build has a row a second of each of its cards, with what the card can report."""
    build = BUILDS[name]
    world = ordinary_day(replace_seconds(600), 1, "server", build)
    told = answers(world)
    assert told.height == 600 * build.gpus
    assert told["name"].unique().to_list() == [build.card.name]
    corrected = set(told["ecc.errors.corrected.volatile.total"])
    assert (corrected == {"[N/A]"}) is not build.card.ecc


def replace_seconds(seconds):
    """The span cut to so many seconds."""
    return replace(SPAN, seconds=seconds)


@pytest.mark.parametrize(
    ("model", "idle_w", "busy_c"),
    [(RTX_4080_SUPER, (24, 30), (58, 72)), (H100, (66, 73), (60, 76))],
)
def test_cards_read_as_the_captures_do(model, idle_w, busy_c):
    """At rest a card draws what its capture shows; at work it gets as warm as such cards do."""
    build = replace(BUILDS["workstation"], card=model)
    world = ordinary_day(replace_seconds(1800), 1, "server", build)
    card, air, still = world.cards[0], np.full(1800, 24.0), np.zeros(1800)
    card.util[:], card.watts[:] = 0.0, 0.0
    rest = physics.run(card, model, air, still).power[-1]
    card.util[:], card.watts[:] = 1.0, 230.0
    heat = physics.run(card, model, air, still).temperature[-1]
    assert idle_w[0] <= rest <= idle_w[1]
    assert busy_c[0] <= heat <= busy_c[1]


def test_a_training_job_keeps_its_cards_busy():
    """All cards but those that serve work as one, with pauses for checkpoints."""
    world = ordinary_day(replace_seconds(4 * 3600), 4, "server", BUILDS["training"])
    util = np.array([card.util for card in world.cards[2:]])
    assert util.mean() > 0.5
    assert (util.max(axis=0) == util.min(axis=0)).all()
    assert any("saved checkpoint" in row[3] for row in world.lines.rows if row[1] == "trainer")


@pytest.mark.parametrize(
    ("name", "code"), [("ecc_uncorrected", "48"), ("ecc_contained", "95"), ("nvlink_error", "74")]
)
def test_the_kernel_names_the_xid(name, code):
    """The driver's line has the Xid of the fault and the address of its card."""
    world, _ = broken(name)
    assert any(f": {code}, pid=" in text for text in said(world))


def test_an_uncorrected_error_waits_for_a_reset():
    """A row is pending and the driver asks for a reset until it comes; then counters are zero."""
    world, fault = broken("ecc_uncorrected")
    card = card_of(world, fault)
    assert card.pending[1300] == 1
    assert card.recovery[1300] == 1
    assert card.pending[2399] == 0
    assert card.resets


def test_a_retirement_is_pending_in_silence():
    """The flag alone shows it: neither the kernel nor a service says anything."""
    world, fault = broken("retirement_pending")
    told = answers(world).filter(pl.col("index") == fault.entity[4:])
    assert set(told["remapped_rows.pending"]) == {"Yes", "No"}
    assert not [text for text in said(world) if "Xid" in text]


def test_a_lowered_limit_shows_in_limit_and_power():
    """The limit is printed, the power stays below it, and clocks fall."""
    world, fault = broken("power_cap")
    told = answers(world).filter(pl.col("index") == fault.entity[4:])
    limit = told["enforced.power.limit"].cast(pl.Float64)
    power = told["power.draw.instant"].cast(pl.Float64)
    assert limit.min() < 0.6 * limit.max()
    assert ((power - limit) < 4).all()


@pytest.mark.parametrize(("name", "least"), [("clock_stuck", 0.4), ("gray_card", 0.05)])
def test_a_slow_clock_has_no_reason(name, least):
    """The clock is lower under load, the card busier, and no reason bit is set."""
    world, fault = broken(name)
    card = card_of(world, fault)
    read = physics.run(card, world.build.card, np.full(3600, 22.0), np.zeros(3600))
    busy = card.util > 0.5
    inside = np.arange(3600) // 1200 == 1
    assert read.clock[inside & busy].max() < (1 - least) * world.build.card.sm_work_mhz
    assert set(read.reasons[inside & busy]) == {0.0}


def test_a_missing_card_is_not_listed_and_the_tool_is_well():
    """Its rows end while those of the others go on."""
    world, fault = broken("gpu_missing")
    told = answers(world).filter(pl.col("index") == fault.entity[4:])
    assert told.height == 2400
    assert answers(world).height == 8 * 3600 - 1200


@pytest.mark.parametrize(("name", "state"), [("smi_hang", "hung"), ("driver_mismatch", "failing")])
def test_a_silent_tool_says_so(tmp_path, name, state):
    """No card has a row while the tool hangs or fails; its state is told, and that it is well."""
    kind = replace(SERVER_FAULTS[name], minutes=(5, 5))
    truth = simulate(tmp_path, seed=2, start=SPAN.start, hours=1, faults=(kind,))
    files = sorted(tmp_path.glob("ingested/gpu/gpu_metrics_*.jsonl"))
    stamps = pl.concat(pl.read_ndjson(file, infer_schema_length=None) for file in files)
    times = stamps["collected_at"].str.to_datetime(time_zone="UTC")
    (fault,) = truth
    assert times.is_between(fault.start, fault.end, closed="none").sum() == 0
    states = "".join(file.read_text() for file in tmp_path.glob("ingested/*/*status*.jsonl"))
    assert f'"state":"{state}"' in states


@pytest.mark.parametrize("build", ["consumer", "training"])
@pytest.mark.parametrize("name", sorted(SERVER_FAULTS))
def test_every_fault_comes_on_every_machine(name, build):
    """It can be put in at any severity, and says where it is and from when it shows."""
    for severity in (0.0, 0.5, 1.0):
        world, fault = broken(name, build, severity, seed=5)
        assert fault.description
        assert fault.start <= fault.shows <= fault.end
        assert world.build is BUILDS[build]


def test_a_truth_remembers_when_a_fault_shows(tmp_path):
    """What is written beside a recording is read back."""
    kind = replace(SERVER_FAULTS["power_brake"], minutes=(5, 5))
    truth = simulate(tmp_path, seed=2, start=SPAN.start, hours=1, faults=(kind,))
    assert Truth.load(tmp_path).faults == truth.faults
    assert truth.faults[0].shows is not None


def test_a_kind_may_come_twice(tmp_path):
    """Kinds that are given as they are come as often as they are given."""
    kind = replace(SERVER_FAULTS["gpu_missing"], minutes=(4, 4))
    truth = simulate(tmp_path, seed=2, start=SPAN.start, hours=1.5, faults=(kind, kind))
    assert [fault.name for fault in truth] == ["gpu_missing", "gpu_missing"]
