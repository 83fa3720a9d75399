"""Findings from readings: limits, how long they must hold, and when they end."""

import polars as pl
import pytest
from tests.known.stream import at, of_samples, samples

from boxwatch.detections.detection import Kind
from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import Events

GB = 1e9


def _gpu(seconds, entity="gpu:0", **metrics):
    return samples(entity, seconds, **({"temperature_celsius": 60.0} | metrics))


def test_a_healthy_gpu_gives_nothing():
    """Two minutes of ordinary readings: no finding."""
    frame = _gpu(range(120), throttle_active_bits=4.0, ecc_corrected_total=3.0, utilization_ratio=1)
    assert of_samples(frame) == {}


def test_a_gpu_that_turns_unknown_is_gone():
    """Ten seconds of nulls where there were readings."""
    frame = _gpu(range(60), temperature_celsius=[60.0] * 20 + [None] * 20 + [60.0] * 20)
    found = of_samples(frame)["gpu-not-answering"]
    assert (found.start, found.end, found.kind) == (at(20), at(39), Kind.MISSING)
    assert found.reasons[0].text == "no reading (no answer); it was 60 °C when last read"


def test_a_gpu_that_never_told_its_temperature_is_not_gone():
    """What was always unknown is no news."""
    assert of_samples(_gpu(range(60), temperature_celsius=None)) == {}


def test_a_gpu_that_is_no_longer_listed_is_gone():
    """Its rows vanish while the other card goes on."""
    found = of_samples(_gpu(range(60)), _gpu(range(20), "gpu:1"))
    assert (found["gpu-not-answering"].entity, found["gpu-not-answering"].start) == (
        "gpu:1",
        at(20),
    )


def test_a_driver_that_hangs_is_one_finding():
    """Both cards fall silent and nvidia-smi says why: the driver is it, and no card is gone."""
    frames = [_gpu(range(20)), _gpu(range(20), "gpu:1")]
    found = of_samples(*frames, samples("source:nvidia", [25, 325], up=[0.0, 1.0]))
    assert list(found) == ["nvidia-driver-not-answering"]
    driver = found["nvidia-driver-not-answering"]
    assert (driver.entity, driver.start, driver.end) == ("source:nvidia", at(25), at(325))


def test_a_power_limit_that_falls_is_told_once():
    """From 350 to 200 W, told at the reading that shows it; 5 % less is no news."""
    frame = _gpu(range(60), power_limit_watts=[350.0] * 20 + [335.0] * 10 + [200.0] * 30)
    found = of_samples(frame)["gpu-power-limit-lowered"]
    assert found.start == at(30)
    assert found.reasons[0].text.startswith("the power limit went from 335 W to 200 W")


def test_a_limit_that_was_always_low_is_no_finding():
    """What somebody set before is how the card is."""
    assert of_samples(_gpu(range(60), power_limit_watts=200.0)) == {}


def _working(clock, load=1.0, reasons=0.0):
    return _gpu(
        range(60),
        clock_sm_hertz=[1.98e9] * 20 + [clock] * 40,
        clock_sm_max_hertz=[1.98e9] + [None] * 59,
        utilization_ratio=load,
        throttle_active_bits=reasons,
    )


def test_a_clock_that_stays_low_under_load_is_stuck():
    """Fifteen seconds of full load at a sixth of the clock, and the driver says nothing."""
    found = of_samples(_working(0.345e9))["gpu-clock-stuck"]
    assert found.start == at(20)
    assert found.reasons[0].text.startswith("SM clock 345 MHz of 1980 MHz at 100 % load")


def test_rests_between_requests_do_not_hide_a_stuck_clock():
    """Five seconds of work and five of rest: after ten busy readings it is told all the same."""
    turns = [float(second // 5 % 2) for second in range(60)]
    found = of_samples(_working(0.345e9, turns, [1.0 - turn for turn in turns]))
    assert "gpu-clock-stuck" in found


@pytest.mark.parametrize(
    ("clock", "load", "reasons"),
    [(0.345e9, 0.1, 0.0), (0.345e9, 1.0, 4.0), (0.345e9, 1.0, 2.0), (1.5e9, 1.0, 0.0)],
)
def test_a_low_clock_with_a_reason_is_not_stuck(clock, load, reasons):
    """Without load, at the power limit, by a setting of the user, or hardly lower."""
    assert "gpu-clock-stuck" not in of_samples(_working(clock, load, reasons))


def test_a_library_that_is_not_read_is_no_finding():
    """What NVML would add is unknown; nvidia-smi still reads the cards."""
    assert of_samples(samples("source:nvml", [0], up=0.0)) == {}


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        ("ecc_sram_threshold_exceeded", "gpu-cache-worn"),
        ("memory_banks_spares_none", "gpu-memory-bank-used-up"),
        ("fabric_bandwidth_degraded", "gpu-fabric-unhealthy"),
    ],
)
def test_what_the_card_says_of_its_wear_is_a_finding(metric, rule):
    """Also where the word comes only once a minute; other words are no finding."""
    told = samples("gpu:0", range(0, 600, 60), **{metric: [0.0] * 3 + [1.0] * 4 + [0.0] * 3})
    found = of_samples(_gpu(range(600)), told)
    assert set(found) == {rule}
    assert found[rule].start == at(180)


def test_a_corrupted_inforom_is_a_finding():
    """The checksum is wrong until it is right."""
    told = samples("gpu:0", range(0, 600, 60), inforom_valid=[1.0] * 3 + [0.0] * 4 + [1.0] * 3)
    assert set(of_samples(_gpu(range(600)), told)) == {"gpu-inforom-corrupted"}


def test_many_pcie_replays_are_a_finding():
    """Forty in five minutes; a few are normal, however high the counter stands."""
    few = _gpu(range(300), pcie_replay_total=[7000.0 + i // 30 for i in range(300)])
    many = _gpu(range(300), pcie_replay_total=[7000.0 + i for i in range(300)])
    assert of_samples(few) == {}
    assert set(of_samples(many)) == {"gpu-pcie-replays"}


def test_a_short_gap_is_no_loss():
    """Five seconds without an answer happen."""
    frame = _gpu(range(60), temperature_celsius=[60.0] * 20 + [None] * 5 + [60.0] * 35)
    assert of_samples(frame) == {}


@pytest.mark.parametrize(
    ("bits", "rule"),
    [
        (0x40, "gpu-thermal-slowdown"),
        (0x48, "gpu-thermal-slowdown"),
        (0x08, "gpu-thermal-slowdown"),
        (0x80, "gpu-power-brake"),
        (0x88, "gpu-power-brake"),
    ],
)
def test_throttle_bits_are_told_apart(bits, rule):
    """Heat and power brake, also with the general slowdown bit; the power cap is normal."""
    frame = _gpu(range(60), throttle_active_bits=[4.0] * 10 + [float(bits)] * 20 + [4.0] * 30)
    assert set(of_samples(frame)) == {rule}


def test_a_rising_throttle_counter_is_enough():
    """Counters catch what the sampling of bits misses."""
    counter = [0.0] * 10 + [0.5 * i for i in range(20)] + [9.5] * 40
    frame = _gpu(range(70), throttle_hw_thermal_seconds_total=counter)
    found = of_samples(frame)["gpu-thermal-slowdown"]
    assert "60 °C" in found.reasons[0].text


def test_throttling_for_a_moment_is_no_finding():
    """Less than ten seconds pass."""
    frame = _gpu(range(60), throttle_active_bits=[0.0] * 10 + [64.0] * 5 + [0.0] * 45)
    assert of_samples(frame) == {}


def test_one_uncorrected_error_is_a_finding():
    """The counter moved by one; the reason says from what to what."""
    found = of_samples(_gpu(range(90), ecc_uncorrected_total=[0.0] * 10 + [1.0] * 80))
    assert found["gpu-ecc-uncorrected"].start == at(10)
    assert "from 0 to 1" in found["gpu-ecc-uncorrected"].reasons[0].text


def test_a_counter_that_stands_high_is_no_news():
    """Errors from before are not counted again."""
    assert of_samples(_gpu(range(90), ecc_uncorrected_total=7.0)) == {}


def test_corrected_errors_by_the_dozen_are_a_storm():
    """Twenty within five minutes; a few are normal."""
    few = _gpu(range(100), ecc_corrected_total=[float(i // 20) for i in range(100)])
    many = _gpu(range(100), ecc_corrected_total=[float(i // 2) for i in range(100)])
    assert of_samples(few) == {}
    assert set(of_samples(many)) == {"gpu-ecc-storm"}


def test_a_pending_remap_holds_until_the_reset():
    """The flag opens it, the flag's end closes it."""
    frame = _gpu(range(60), remapped_rows_pending=[0.0] * 10 + [1.0] * 20 + [0.0] * 30)
    found = of_samples(frame)["gpu-row-remap-pending"]
    assert (found.start, found.end) == (at(10), at(29))


def test_a_slow_link_counts_only_under_load():
    """An idle card lowers its link generation on purpose."""
    link = {"pcie_generation": 1.0, "pcie_generation_max": 4.0}
    link |= {"pcie_width_lanes": 16.0, "pcie_width_max_lanes": 16.0}
    assert of_samples(_gpu(range(90), utilization_ratio=0.0, **link)) == {}
    assert set(of_samples(_gpu(range(90), utilization_ratio=0.9, **link))) == {"gpu-pcie-degraded"}


def test_a_narrow_link_under_load_says_both_numbers():
    """Lanes in use and lanes possible."""
    link = {"pcie_generation": 4.0, "pcie_generation_max": 4.0}
    link |= {"pcie_width_lanes": 8.0, "pcie_width_max_lanes": 16.0}
    found = of_samples(_gpu(range(90), utilization_ratio=0.9, **link))["gpu-pcie-degraded"]
    assert "8 of 16 lanes" in found.reasons[0].text


def _fs(free, seconds=None):
    seconds = range(len(free)) if seconds is None else seconds
    return samples("fs:/", seconds, available_bytes=[f * GB for f in free], size_bytes=100 * GB)


def test_a_nearly_full_disk_is_found_with_hysteresis():
    """Below 5 % it opens; only above 7 % it ends."""
    found = of_samples(_fs([50.0] * 5 + [4.0] * 5 + [6.0] * 5 + [8.0] * 10))["disk-full"]
    assert (found.start, found.end, found.severity) == (at(5), at(9), "high")
    assert found.reasons[0].text.startswith("4.0 % free (4.0 of 100.0 GB)")


def test_a_disk_below_two_percent_is_critical():
    """It gets worse without becoming another finding."""
    assert of_samples(_fs([4.0] * 5 + [1.0] * 5))["disk-full"].severity == "critical"


def test_a_shrinking_disk_is_found_before_it_is_full():
    """At a steady gigabyte a minute, sixty gigabytes last an hour."""
    free = [80.0 - minute for minute in range(30)]
    found = of_samples(_fs(free, [60 * minute for minute in range(30)]))
    assert set(found) == {"disk-filling"}
    assert "full in" in found["disk-filling"].reasons[0].text


def test_a_disk_that_is_full_is_no_longer_filling():
    """Nothing left is said by another rule; no time is computed from nothing."""
    free = [0.0] * 30
    assert set(of_samples(_fs(free, [60 * minute for minute in range(30)]))) == {"disk-full"}


def test_a_disk_that_breathes_is_not_filling():
    """Up and down is no trend."""
    free = [50.0 + (minute % 3) for minute in range(60)]
    assert of_samples(_fs(free, [60 * minute for minute in range(60)])) == {}


def test_memory_nearly_gone_is_found():
    """Less than 4 % available for five seconds."""
    available = [50 * GB] * 10 + [3 * GB] * 20 + [50 * GB] * 30
    frame = samples(
        "host", range(60), memory_available_bytes=available, memory_total_bytes=100 * GB
    )
    assert of_samples(frame)["host-memory-low"].start == at(10)


def _clock(shift):
    wall = [float(i) + (shift if i >= 30 else 0.0) for i in range(60)]
    return samples("host", wall, clock_monotonic_seconds=[1000.0 + i for i in range(60)])


@pytest.mark.parametrize("shift", [3600.0, 5.0, -5.0, -3600.0])
def test_a_clock_jump_is_found_both_ways(shift):
    """The wall clock moves against the monotonic clock; the reason says by how much."""
    found = of_samples(_clock(shift))["clock-jump"]
    assert found.reasons[0].text.startswith(f"the wall clock moved {shift:+.1f} s")


def test_a_slow_reading_is_no_clock_jump():
    """When both clocks agree that time passed, nothing jumped; a boot is no jump either."""
    wall = [*range(30), *range(90, 120)]
    slow = samples("host", wall, clock_monotonic_seconds=[1000.0 + s for s in wall])
    boot = samples(
        "host", wall, clock_monotonic_seconds=[1000.0 + s if s < 60 else s for s in wall]
    )
    assert of_samples(slow) == of_samples(boot) == {}


def test_a_source_that_fails_is_down_until_it_answers():
    """It says so once; that stands until it says otherwise."""
    found = of_samples(samples("source:gpu", [0, 10, 300], up=[1.0, 0.0, 1.0]))["source-down"]
    assert (found.start, found.end, found.entity) == (at(10), at(300), "source:gpu")


def test_a_source_down_is_told_while_it_lasts():
    """After ten seconds, without another word from it."""
    known = KnownFailures()
    assert known.add(Events(samples=samples("source:gpu", [0], up=0.0)), at(1)) == []
    assert [d.open for d in known.add(Events(), at(11))] == [True]


def test_a_source_that_is_not_here_is_not_down():
    """Null means absent."""
    assert of_samples(samples("source:gpu", [0, 60], up=None)) == {}


def test_hosts_do_not_mix():
    """Two hosts whose counters differ are not one counter that moves."""
    one = _gpu(range(20), ecc_uncorrected_total=0.0)
    other = _gpu(range(20), ecc_uncorrected_total=5.0).with_columns(pl.lit("other").alias("host"))
    assert of_samples(one, other) == {}
