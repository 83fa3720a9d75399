"""GPU readings: nvidia-smi's fields become metrics in base units."""

import pytest

from boxwatch.events import METRICS, RawChunk, gpu_names
from boxwatch.events.gpu import FIELDS

INSTANCES = {name for name in METRICS if name.startswith("mig_")} - {"mig_enabled"}
AT = {"host": "h", "collected_at": "2024-05-01T12:00:00.5Z", "index": "3"}


def sample(read, field: str, text: str):
    """The sample of one field."""
    (row,) = read("gpu", AT | {field: text}).samples.rows(named=True)
    return row


def test_every_gpu_metric_has_a_field() -> None:
    """The table names the GPU metrics, each once, and none that is not declared.

    What is read of an instance of a split card is no field of the card.
    """
    named = [field.metric for field in FIELDS]
    assert len(set(named)) == len(named)
    of_cards = {m.name for m in METRICS.values() if m.entity == "gpu"} - INSTANCES
    assert of_cards <= set(named) <= set(METRICS)


@pytest.mark.parametrize(
    ("field", "text", "metric", "value"),
    [
        ("temperature.gpu", "28", "temperature_celsius", 28.0),
        ("temperature.memory", "32", "memory_temperature_celsius", 32.0),
        ("utilization.gpu", "37", "utilization_ratio", 0.37),
        ("utilization.gpu", "37 %", "utilization_ratio", 0.37),
        ("memory.used", "143771", "memory_used_bytes", 143771 * 1024.0**2),
        ("memory.used", "1 MiB", "memory_used_bytes", 1024.0**2),
        ("power.draw.instant", "78.21", "power_draw_watts", 78.21),
        ("power.draw", "78.21 W", "power_draw_watts", 78.21),
        ("enforced.power.limit", "700.00", "power_limit_watts", 700.0),
        ("fan.speed", "30", "fan_speed_ratio", 0.3),
        ("clocks.current.sm", "345", "clock_sm_hertz", 345e6),
        ("clocks.sm", "345 MHz", "clock_sm_hertz", 345e6),
        ("clocks.max.sm", "1980", "clock_sm_max_hertz", 1980e6),
        ("pstate", "P0", "pstate", 0.0),
        ("pstate", "P12", "pstate", 12.0),
        ("pcie.link.gen.current", "5", "pcie_generation", 5.0),
        ("pcie.link.width.current", "16", "pcie_width_lanes", 16.0),
        ("clocks_event_reasons.active", "0x0000000000000004", "throttle_active_bits", 4.0),
        ("clocks_throttle_reasons.active", "0x0000000000000048", "throttle_active_bits", 72.0),
        (
            "clocks_event_reasons_counters.hw_thermal_slowdown",
            "2500000",
            "throttle_hw_thermal_seconds_total",
            2.5,
        ),
        ("ecc.errors.corrected.volatile.total", "12", "ecc_corrected_total", 12.0),
        ("remapped_rows.pending", "Yes", "remapped_rows_pending", 1.0),
        ("remapped_rows.failure", "No", "remapped_rows_failure", 0.0),
        ("gpu_recovery_action", "None", "recovery_action", 0.0),
        ("gpu_recovery_action", "Drain and Reset", "recovery_action", 4.0),
        ("compute_processes", "2", "compute_processes", 2.0),
    ],
)
def test_a_field_becomes_a_metric(read, field: str, text: str, metric: str, value: float) -> None:
    """By both generations of names, with and without units, converted."""
    row = sample(read, field, text)
    assert (row["metric"], row["entity"], row["reason"]) == (metric, "gpu:3", None)
    assert row["value"] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    ["[N/A]", "[Not Supported]", "[Unknown Error]", "ERR!", "[GPU requires reset]", "N/A", "nan"],
)
@pytest.mark.parametrize("field", ["fan.speed", "pstate", "remapped_rows.pending"])
def test_what_is_no_value_is_unknown_for_that_reason(read, field: str, text: str) -> None:
    """Null with what was printed, never zero."""
    row = sample(read, field, text)
    assert (row["value"], row["reason"]) == (None, text)


def test_a_lesser_field_stands_in_for_an_unknown_one(read) -> None:
    """Where the instant power is not available, the average is."""
    record = AT | {"power.draw.instant": "[N/A]", "power.draw": "77.5"}
    assert read("gpu", record).samples["value"].to_list() == [77.5]


def test_fields_that_are_not_asked_for_are_left_out(read) -> None:
    """A newer driver's fields do no harm, absent ones make no rows."""
    record = AT | {"temperature.gpu": "28", "some.new.field": "1"}
    assert read("gpu", record).samples["metric"].to_list() == ["temperature_celsius"]


def test_many_cards_and_instants_keep_their_own_values(read) -> None:
    """The long table says the same as the wide records."""
    records = [
        AT | {"index": str(card), "collected_at": f"2024-05-01T12:00:0{second}Z"} | extra
        for card, second, extra in (
            (0, 0, {"temperature.gpu": "40", "fan.speed": "[N/A]"}),
            (1, 0, {"temperature.gpu": "41", "fan.speed": "50"}),
            (0, 1, {"temperature.gpu": "ERR!"}),
        )
    ]
    samples = read("gpu", *records).samples.sort("time", "entity", "metric")
    assert samples["entity"].to_list() == ["gpu:0", "gpu:0", "gpu:1", "gpu:1", "gpu:0"]
    assert samples["value"].to_list() == [None, 40.0, 0.5, 41.0, None]
    assert samples["reason"].to_list() == ["[N/A]", None, None, None, "ERR!"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"index": None}, "no entity that is known"),
        ({"index": "[N/A]"}, "no entity that is known"),
        ({"collected_at": None}, "no usable time"),
        ({"temperature.gpu": None}, "no metric that is known"),
    ],
)
def test_a_record_that_says_nothing_is_set_aside(read, change, reason: str) -> None:
    """With the reason; the other card's record is read."""
    good = AT | {"temperature.gpu": "28"}
    events = read("gpu", good | change, good)
    assert events.samples.height == 1
    assert events.quarantined["reason"].to_list() == [reason]


def test_names_of_cards_are_read_from_raw_records() -> None:
    """Samples carry no names; the export takes them from here."""
    lines = b'{"host":"h","index":"0","name":"NVIDIA X"}\n' * 2 + b'{"index":"1","name":"Y"}\n'
    names = gpu_names(RawChunk("gpu", lines, "box", "o"))
    assert names.rows() == [("h", "gpu:0", "NVIDIA X"), ("box", "gpu:1", "Y")]
