"""The bench of injected faults: its plan, its scoring, its intervals, and a run of two hours."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch import wiring
from boxwatch.bench import BenchOptions
from boxwatch.bench.faults import fault_log, intervals, judging, machine_day, plan, running, tally
from boxwatch.bench.faults.classes import BY_NAME, CLASSES
from boxwatch.bench.faults.machine_day import Alarm, Day, Injected
from boxwatch.errors import UsageError
from boxwatch.events import Events
from boxwatch.events.schema import LOGS, SAMPLES
from boxwatch.lifecycle.intervals import wilson
from boxwatch.pulse import unheard
from boxwatch.settings import Settings
from boxwatch.sources.simulated import InjectedFault, Truth
from boxwatch.store import EventStore

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def data_sets(tmp_path):
    """A fault log of our own: two faults, of three and of half an hour."""
    events = []
    for node, level, name, days in (
        ("a", "Hardware Failure", "GPU Lost", 0.125),
        ("b", "Software Failure", "Unknown Error", 0.02),
    ):
        kind = {"Level": level, "Class": "GPU", "Desc": name}
        for at, what in ((1.0, "fault_start"), (1.0 + days, "fault_end")):
            events.append(
                {"node_id": node, "event_time": at, "event_type": what, "fault_type": kind}
            )
    path = tmp_path / "sets" / "metrics" / "gpu-faults" / "fault_trace.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(events))
    return tmp_path / "sets"


def injected(name, delay):
    """A fault of nine minutes, found after `delay` seconds or not at all."""
    end = START + timedelta(minutes=9)
    return Injected(name, "gpu:0", START, end, "it breaks", delay, None)


def day(seed, faults=(), alarms=0):
    """A machine-day as the program prints it."""
    told = tuple(Alarm(str(n), START, "gpu:0", "strange") for n in range(alarms))
    return Day(seed, "consumer", 24.0, tuple(faults), told)


def figure(figures, start):
    """The figure whose name begins so."""
    return next(one for one in figures if one.name.startswith(start))


def test_the_log_gives_hours_by_name(data_sets):
    """Start and end of a node's fault are one; what the log lacks lasts as software does."""
    log = fault_log.read(data_sets)
    assert log.lasted(("GPU Lost",)) == pytest.approx((3.0,))
    assert log.lasted(()) == pytest.approx((0.48,))
    assert log.count(("GPU Lost", "nothing")) == 1


@pytest.mark.parametrize("content", ["", "[1]", "[]", '[{"fault_type": 1}]'])
def test_a_log_that_is_none_is_an_error(data_sets, content):
    """It names the file and says where such a log comes from."""
    next(data_sets.rglob("fault_trace.json")).write_text(content)
    with pytest.raises(UsageError, match=r"fault_trace\.json"):
        fault_log.read(data_sets)


def test_no_data_sets_is_an_error():
    """The bench says which option is missing."""
    with pytest.raises(UsageError, match="--data-sets"):
        fault_log.read(None)


def test_a_seed_is_the_same_day_for_ever(data_sets):
    """Even seeds have each fault that the machine can have, odd seeds have none."""
    log = fault_log.read(data_sets)
    one, again = (plan.machine_day(108, log) for _ in range(2))
    assert [kind.minutes for kind in one.faults] == [kind.minutes for kind in again.faults]
    mine = {kind.name for kind in CLASSES if kind.fits(one.build)}
    assert {kind.name for kind in one.faults} == mine
    assert plan.machine_day(109, log).faults == ()


def test_faults_last_as_in_the_log_but_no_longer_than_there_is_room(data_sets):
    """Three hours are cut to the longest that the fault may last in a day."""
    kinds = plan.machine_day(2, fault_log.read(data_sets)).faults
    lost = next(kind for kind in kinds if kind.name == "gpu_off_bus")
    assert lost.minutes == (BY_NAME["gpu_off_bus"].kind.minutes[1],) * 2


def test_the_interval_of_a_share():
    """Wilson's, as in the literature: 48 of 50 is .865 to .989."""
    assert wilson(48, 50) == pytest.approx((0.865, 0.989), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (4, 1.09, 10.24)])
def test_the_interval_of_a_count(count, low, high):
    """The exact Poisson interval within a percent."""
    assert intervals.of_count(count) == pytest.approx((low, high), rel=0.02)


def test_recall_is_by_class_with_its_counts(data_sets):
    """Found and injected stand in the name; the median delay beside it; absent classes say so."""
    days = [day(100, [injected("smi_hang", 12.0), injected("smi_hang", None)])]
    told = tally.figures(days, fault_log.read(data_sets))
    recall = figure(told, "smi_hang: found 1/2")
    assert (recall.value, recall.met) == (0.5, False)
    assert figure(told, "smi_hang (sudden)").value == 12.0
    assert figure(told, "gpu_missing").peer == "none of these machine-days had one"


def test_sudden_and_slow_faults_are_told_apart(data_sets):
    """Only the median of the sudden ones has a target."""
    days = [day(100, [injected("smi_hang", 40.0), injected("vram_leak", 600.0)])]
    told = tally.figures(days, fault_log.read(data_sets))
    assert figure(told, "sudden faults told after, median").met is False
    assert figure(told, "slow faults told after, median").target is None


def test_false_alarms_are_by_the_host_week(data_sets):
    """Days without and with faults are counted apart, by the hours in which nothing was broken."""
    days = [day(101, alarms=1), day(102, [injected("smi_hang", 1.0)])]
    told = tally.figures(days, fault_log.read(data_sets))
    ordinary = figure(told, "false alarms on days without a fault: 1 in 0.14 host-weeks")
    assert ordinary.value == pytest.approx(7.0)
    assert figure(told, "false alarms beside").value == 0.0


def test_turns_are_short_only_where_a_fault_is_waited_for():
    """Ten minutes in peace, up to the fault; then a second, later longer; ten at last."""
    start = START + timedelta(minutes=12)
    fault = InjectedFault("x", "box", "gpu:0", start, start + timedelta(hours=1), "it breaks")
    watch = judging.Watch(Truth(1, "box", START, START + timedelta(hours=4), START, (fault,)))
    lengths = [
        watch.turn(START + timedelta(minutes=minutes)).total_seconds()
        for minutes in (0, 10, 12, 14, 30, 76)
    ]
    assert lengths == [600, 118, 1, 10, 30, 600]


def test_two_hours_of_a_machine_go_the_whole_way(tmp_path, data_sets):
    """Simulated, stored and judged: a card that is gone is found within half a minute."""
    whole = plan.machine_day(2, fault_log.read(data_sets))
    gone = [kind for kind in whole.faults if kind.name == "gpu_missing"]
    short = plan.MachineDay(whole.seed, whole.build, whole.start, tuple(gone[:1]))
    truth = machine_day.simulated(short, tmp_path / "data", hours=2)
    wiring.normalize(Settings(), tmp_path / "data", export=False, progress=unheard)
    with EventStore.open(tmp_path / "data", writable=False) as store:
        pipeline = wiring.pipeline(Settings(), tmp_path / "data")
        watch = judging.judge(store.batches(), pipeline, truth)
    told = machine_day._scored(short, truth, watch)
    assert told.faults[0].delay_s is not None
    assert told.faults[0].delay_s <= 30
    assert machine_day.load(json.dumps(json.loads(_json(told)))) == told


def _json(told):
    return json.dumps(
        {
            "seed": told.seed,
            "build": told.build,
            "clear_hours": told.clear_hours,
            "faults": [_plain(one) for one in told.faults],
            "alarms": [_plain(one) for one in told.alarms],
        },
        default=str,
    )


def _plain(one):
    return {name: getattr(one, name) for name in one.__slots__}


def test_turns_lose_no_row():
    """Every row of a batch reaches the pipeline once, the late ones in its last turn."""
    times = [START + timedelta(seconds=second) for second in (5, 700, 1300, 5000)]
    rows = pl.DataFrame(
        {
            "time": times,
            "host": "box",
            "source": "gpu",
            "entity": "gpu:0",
            "metric": "temperature_celsius",
            "value": 40.0,
            "reason": None,
        },
        schema=dict(SAMPLES),
    )
    counted = Counting()
    batch = Stored(Events(pl.DataFrame(schema=dict(LOGS)), rows), START + timedelta(minutes=30))
    truth = Truth(1, "box", START, START + timedelta(hours=1), START, ())
    judging.judge(iter([batch]), counted, truth)
    assert counted.rows == [1, 1, 2]


class Stored:
    """A batch as the store gives it."""

    def __init__(self, events, now):
        self.events, self.now = events, now


class Counting:
    """A pipeline that only counts."""

    def __init__(self):
        self.rows = []

    def process(self, events, now):
        self.rows.append(events.samples.height)
        return self

    incidents = ()


def test_notes_say_how_to_see_a_miss_again(tmp_path, data_sets):
    """That figures are injected, which seeds they are of, and the command for each missed fault."""
    options = BenchOptions(tmp_path, data_sets=data_sets)
    days = [day(104, [injected("smi_hang", None)], alarms=1)]
    notes = "\n".join(running._notes(days, options))
    assert "none is from a real fault" in notes
    assert "seeds 104-104, seeds that only check" in notes
    assert "python -m boxwatch.bench.faults.machine_day 104 FOLDER" in notes
    assert "missed smi_hang on gpu:0 at 00:00:00" in notes
    assert "false alarm 0 on gpu:0" in notes
