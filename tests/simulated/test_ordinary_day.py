"""Physics and habits of a box on which nothing is broken."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from boxwatch.sources.simulated.box import ordinary_day
from boxwatch.sources.simulated.traffic import VLLM, requests, rhythm
from boxwatch.sources.simulated.world import Span, follow, spread, stream

from .conftest import Recording

Recorded = Callable[..., Recording]


def test_temperature_follows_power_with_a_lag(recorded: Recorded) -> None:
    """Heat needs about a minute: past power explains temperature better than present power."""
    card = recorded(hours=4).readings("gpu:1")
    power, heat = card["power.draw.instant"].to_numpy(), card["temperature.gpu"].to_numpy()
    past = follow(power, 60.0, float(power[0]))
    assert np.corrcoef(past, heat)[0, 1] > 0.9
    assert np.corrcoef(past, heat)[0, 1] > np.corrcoef(power, heat)[0, 1] + 0.1


def test_power_stays_below_the_limit(recorded: Recorded) -> None:
    """A card draws its idle power at least and hardly more than its limit."""
    power = recorded(hours=4).readings("gpu:0")["power.draw.instant"]
    assert power.min() > 10  # type: ignore[operator]
    assert power.max() < 305  # type: ignore[operator]


def test_energy_of_some_hours_is_plausible(recorded: Recorded) -> None:
    """On a working day a card takes between idle and full load on average."""
    power = recorded(hours=4).readings("gpu:1")["power.draw.instant"]
    assert 35 < float(power.mean()) < 250  # type: ignore[arg-type]


def test_idle_card_rests(recorded: Recorded) -> None:
    """In P8 the clock is low and the link runs at its first generation: that is normal."""
    idle = recorded(hours=4).readings("gpu:1").filter(pl.col("pstate") == "P8")
    assert idle.height > 100
    assert idle["pcie.link.gen.current"].unique().to_list() == [1.0]
    assert idle["clocks.current.sm"].max() < 300  # type: ignore[operator]


def test_healthy_card_is_not_throttled(recorded: Recorded) -> None:
    """Without a fault neither heat nor the power brake slows a card."""
    for index in (0, 1):
        card = recorded(hours=4).readings(f"gpu:{index}")
        for reason in ("hw_thermal_slowdown", "sw_thermal_slowdown", "hw_power_brake_slowdown"):
            assert card[f"clocks_event_reasons_counters.{reason}"].max() == 0


@pytest.mark.parametrize("entity", ["host", "disk:nvme0n1", "net:eth0"])
def test_counters_never_fall(recorded: Recorded, entity: str) -> None:
    """What ends in `_total` only grows."""
    frame = recorded(hours=4).readings(entity)
    totals = [c for c in frame.columns if c.endswith("_total") and frame[c].null_count() == 0]
    assert totals
    assert all(frame[total].diff().drop_nulls().min() >= 0 for total in totals)  # type: ignore[operator]


def test_memory_adds_up(recorded: Recorded) -> None:
    """Available and cached memory are never more than there is."""
    host = recorded(hours=4).readings("host")
    for column in ("memory_available_bytes", "memory_cached_bytes"):
        assert (host[column] <= host["memory_total_bytes"]).all()
        assert (host[column] > 0).all()


def test_processor_time_fits_the_cores(recorded: Recorded) -> None:
    """No second has more processor time than cores, but for the jitter of the reading."""
    host = recorded("cpu_storm").readings("host")
    spent = host["cpu_busy_seconds_total"].diff() / host["clock_monotonic_seconds"].diff()
    assert spent.drop_nulls().max() < 33.5  # type: ignore[operator]


def test_log_volume_follows_the_load(recorded: Recorded) -> None:
    """Ten minutes with more work on a card are ten minutes with more lines of its service."""
    recording = recorded(hours=4)
    slot = pl.col("collected_at").dt.truncate("10m")
    card = recording.readings("gpu:1").group_by(slot).agg(pl.col("utilization.gpu").mean())
    said = pl.DataFrame({"collected_at": [at for at, _ in recording.said("vllm")]})
    said = said.cast({"collected_at": pl.Datetime("us", "UTC")}).group_by(slot).len()
    both = card.join(said, on="collected_at")
    assert both.height > 20
    assert float(both.select(pl.corr("utilization.gpu", "len")).item()) > 0.4


def test_nights_are_quieter_than_days() -> None:
    """Requests follow the hour and the weekday."""
    day = Span(datetime(2026, 5, 6, tzinfo=UTC), 86400)  # a Wednesday
    hours = requests(day, VLLM, stream(1, "x")).start // 3600
    night, noon = (((hours >= a) & (hours < a + 4)).sum() for a in (1, 12))
    assert noon > 3 * night > 0
    assert rhythm(np.array([14.0]), 6)[0] < rhythm(np.array([14.0]), 2)[0]


def test_requests_are_ordered_and_last(recorded: Recorded) -> None:
    """Requests are handed over by end, and none ends before it starts."""
    asked = requests(Span(datetime(2026, 5, 6, tzinfo=UTC), 36000), VLLM, stream(2, "x"))
    assert (np.diff(asked.end) >= 0).all()
    assert (asked.end > asked.start).all()


def test_harmless_warnings_and_errors_exist(recorded: Recorded) -> None:
    """A healthy box has errors too: alarms that cannot bear them are worth nothing."""
    recording = recorded(hours=8)
    levels = {str(record["PRIORITY"]) for record in recording.records("systemd")}
    errors = [text for _, text in recording.said("open-webui") if "| ERROR" in text]
    assert {"3", "4"} <= levels
    assert errors


def test_heartbeats_come_on_time(recorded: Recorded) -> None:
    """The scrape of vllm's metrics leaves a line every fifteen seconds."""
    times = sorted(at for at, text in recorded().said("vllm") if '"GET /metrics' in text)
    gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert max(gaps) < 15.1


def test_subsystems_draw_their_own_numbers() -> None:
    """The numbers of one subsystem are those of its name and the seed."""
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(s, n).random() for s in (1, 2) for n in ("a", "b")}) == 4


def test_work_is_spread_over_the_seconds_it_covers() -> None:
    """A piece from 1.5 to 3 counts half in second one and whole in second two."""
    span = Span(datetime(2026, 5, 6, tzinfo=UTC), 5)
    load = spread(span, np.array([1.5]), np.array([3.0]), np.array([2.0]))
    assert load.tolist() == [0.0, 1.0, 2.0, 0.0, 0.0]


def test_surprising_but_normal_work_happens() -> None:
    """Days hold batch work on a whole card, builds on half the cores, image pulls, a backup."""
    world = ordinary_day(Span(datetime(2026, 5, 6, tzinfo=UTC), 3 * 86400), 4, "simbox")
    full = [(card.util.reshape(-1, 600).min(axis=1) >= 1.0).sum() for card in world.cards]
    assert sum(full) >= 2
    assert (world.host.cpu.reshape(-1, 300).min(axis=1) > 12).sum() >= 2
    assert "pull" in {action for _, _, action, _ in world.lines.events}
    assert sum("snapshot" in row[3] for row in world.lines.rows if row[1] == "backup") >= 3
