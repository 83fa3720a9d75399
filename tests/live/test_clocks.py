"""Hosts whose clocks are wrong are judged like any other, and what they say is found again."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.live import recorded
from tests.live.test_loop import Tape, Watch
from tests.live.test_steps import START

from boxwatch.detections import Detection, Kind, Severity
from boxwatch.events import LOGS, SAMPLES, Events
from boxwatch.live import OFFSET, Clocks, Pipeline, in_our_time
from boxwatch.wiring import evidence

BLANK = {"host": "box", "source": "host", "entity": "host", "metric": "load1", "value": 1.0}


def samples(*rows: dict[str, object]) -> pl.DataFrame:
    """Readings at the start, changed as each row says."""
    made = [{"time": START, "reason": None, **BLANK, **row} for row in rows]
    return pl.DataFrame(made, schema=dict(SAMPLES))


def offset(seconds: float | None, **more: object) -> pl.DataFrame:
    """A measured offset."""
    return samples({"metric": OFFSET, "value": seconds, **more})


def line(**row: object) -> pl.DataFrame:
    """A log line of the journal at the start."""
    made = {"time": START, "host": "box", "source": "systemd", "subtype": "journal", **row}
    return pl.DataFrame([dict.fromkeys(LOGS) | made], schema=dict(LOGS))


def finding(**more: object) -> Detection:
    """A finding about the box at the start."""
    return Detection(
        **{"host": "box", "entity": "host", "start": START, "end": START, "open": False}
        | {"kind": Kind.KNOWN, "name": "x", "severity": Severity.LOW, "reasons": ()}
        | more
    )


def skewed(turns: recorded.Turns, host: str, seconds: float) -> recorded.Turns:
    """`turns` as they would be if the clock of `host` were wrong, and measured."""
    made = []
    for events, now in turns:
        wrong = in_our_time(events, {host: -seconds})
        measured = offset(seconds, host=host, time=now)
        made.append((Events(wrong.logs, pl.concat([wrong.samples, measured])), now))
    return made


@pytest.fixture(scope="module")
def wrong(recording):
    """The incidents of a clock that is wrong by so many seconds, each judged once."""

    @cache
    def judged(seconds: float):
        return recorded.judged(Pipeline(), skewed(recording.turns(60), "simbox", seconds))

    return judged


@pytest.mark.parametrize("seconds", [300.0, -300.0, 7205.25])
def test_a_host_with_a_wrong_clock_is_judged_as_any_other(wrong, undisturbed, seconds):
    """Its incidents are those of a right clock, in our time; and one says that its clock is off."""
    found = wrong(seconds)

    def known(incidents) -> set[tuple[object, ...]]:
        return {(one.host, one.entity, one.start, one.end, one.title) for one in incidents}

    clocks = [one for one in found.values() if one.detections[0].name == "clock-off"]
    rest = [one for one in found.values() if one not in clocks]
    assert [one.host for one in clocks] == ["simbox"]
    assert known(rest) == known(undisturbed.incidents.values())


def test_findings_of_such_a_host_say_so(wrong):
    """Whoever looks into that host's logs is told by how much its times differ."""
    for one in wrong(300.0).values():
        said = "its own logs show them later" in one.detections[0].reasons[-1].text
        assert said == (one.host == "simbox")


def test_a_clock_that_is_right_changes_nothing():
    """Below a second nothing is moved, and the very same tables are handed on."""
    clocks, events = Clocks(), Events(line(), offset(0.9))
    judged = clocks.add(events, START)
    assert judged.logs is events.logs
    assert judged.samples is events.samples


def held(*offsets: float | None) -> list[float | None]:
    """What is held of the clock after each measured offset."""
    clocks, known = Clocks(), []
    for seconds in offsets:
        clocks.measure(offset(seconds))
        known.append(clocks.offsets.get("box"))
    return known


def test_an_offset_is_held_while_its_measurements_tremble():
    """It moves by half a second at least, and below that the clock is right again."""
    assert held(0.9, 1.2, 1.5, 0.8, 1.8, None, 0.4, 0.9) == [
        None, 1.2, 1.2, 1.2, 1.8, 1.8, None, None
    ]  # fmt: skip


def moved(events: Events) -> list[timedelta]:
    """How far each row of a host that is a minute ahead is moved."""
    ours = in_our_time(events, {"box": 60.0})
    times = [*ours.logs["time"], *ours.samples["time"]]
    return [START - time for time in times]


def test_only_what_carries_the_host_s_own_time_is_moved():
    """Not what was read of it with our clock: its GPUs, its sources, its offset; no other host."""
    minute, nothing = timedelta(minutes=1), timedelta(0)
    for source in ("systemd", "docker", "host", "kernel", "file"):
        assert moved(Events(line(source=source))) == [minute]
        assert moved(Events(samples=samples({"source": source}))) == [minute]
    assert moved(Events(line(source="app", subtype="status"))) == [nothing]
    for row in ({"source": "gpu"}, {"metric": OFFSET}, {"metric": "up"}, {"host": "other"}):
        assert moved(Events(samples=samples(row))) == [nothing]


def test_the_monotonic_clock_goes_along():
    """A jump of the wall clock is its move against that clock: ours must not look like one."""
    before = samples({"metric": "clock_monotonic_seconds", "value": 100.0})
    after = in_our_time(Events(samples=before), {"box": 60.0}).samples
    assert after["value"].to_list() == [40.0]


def test_a_record_from_the_future_is_judged_now():
    """Without an offset that explains it; five seconds may be the way of things."""
    clocks = Clocks()
    times = [START + timedelta(seconds=s) for s in (5, 6, 86400)]
    judged = clocks.add(Events(pl.concat([line(time=time) for time in times])), START)
    assert judged.logs["time"].to_list() == [times[0], START, START]
    assert clocks.early_rows == 2


def test_findings_at_a_jump_say_so():
    """Records of that time may be out of order; findings of other times and hosts do not say it."""
    clocks = Clocks()
    clocks.add(Events(line(subtype="clock jump", message="It jumped.")), START)
    told = Clocks()
    told.load(clocks.save())
    hour = timedelta(hours=1)
    found = [finding(), finding(host="other"), finding(start=START - hour, end=START - hour)]
    said = [[reason.text for reason in one.reasons] for one in told.told(found)]
    assert said == [["records may be out of order: It jumped."], [], []]


def test_what_is_known_of_clocks_is_saved():
    """A loaded one goes on as if it had never stopped."""
    first, second = Clocks(), Clocks()
    first.add(Events(line(time=datetime.max.replace(tzinfo=START.tzinfo)), offset(60.0)), START)
    second.load(first.save())
    events = Events(line())
    assert_frame_equal(second.add(events, START).logs, first.add(events, START).logs)
    assert second.early_rows == first.early_rows == 1


def test_the_evidence_of_such_a_host_is_found_and_shown_in_our_time(recording, tmp_path):
    """Its records lie where its own clock put them; the report draws them beside the incident."""
    turns = skewed(recording.turns(60, until_s=2700), "simbox", -1800.0)
    with Watch(tmp_path) as watch:
        watch.run(Tape(turns))
        (storm,) = [
            one for one in watch.state.incidents(host="simbox") if "overloaded" in one.title
        ]
    shown = evidence(tmp_path, storm)
    curve = shown.series["host", "cpu_busy_seconds_total"]["time"]
    assert curve.is_between(storm.start, storm.end).any()
    assert (curve.max() - curve.min()) > (storm.end - storm.start)
