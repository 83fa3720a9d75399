"""One machine-day of the bench, in a process of its own.

As a program: `python -m boxwatch.bench.faults.machine_day SEED FOLDER DATA_SETS`. FOLDER is new and
is left as a data folder with `truth.json`: `boxwatch detect`, `incidents list` and `explain` work
on it as on any other.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from boxwatch import wiring
from boxwatch.bench.demo import Score
from boxwatch.bench.faults.fault_log import read
from boxwatch.bench.faults.judging import Watch, judge, shown
from boxwatch.bench.faults.plan import HOURS, MachineDay, machine_day
from boxwatch.pulse import unheard
from boxwatch.settings import Settings
from boxwatch.sources.simulated import InjectedFault, Truth, simulate
from boxwatch.store import EventStore


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault and what came of it; `delay_s` is from when it shows until a person is told."""

    name: str
    entity: str
    start: datetime
    end: datetime
    description: str
    delay_s: float | None
    told: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident that is about no fault."""

    id: str
    start: datetime
    entity: str
    title: str


@dataclass(frozen=True, slots=True)
class Day:
    """How one machine-day went; `clear_hours` were watched with no fault under way."""

    seed: int
    build: str
    clear_hours: float
    faults: tuple[Injected, ...]
    alarms: tuple[Alarm, ...]


def run(seed: int, folder: Path, data_sets: Path | None) -> Day:
    """Simulate the day of `seed` into `folder`, store it, judge it, score it."""
    day = machine_day(seed, read(data_sets))
    truth = simulated(day, folder)
    settings = Settings()
    wiring.normalize(settings, folder, export=False, progress=unheard)
    with EventStore.open(folder, writable=False) as store:
        watch = judge(store.batches(), wiring.pipeline(settings, folder), truth)
    return _scored(day, truth, watch)


def simulated(day: MachineDay, folder: Path, hours: float = HOURS) -> Truth:
    """The recording of `day`, and what is broken in it."""
    return simulate(
        folder,
        seed=day.seed,
        start=day.start,
        hours=hours,
        host=day.host,
        faults=day.faults,
        build=day.build,
    )


def _scored(day: MachineDay, truth: Truth, watch: Watch) -> Day:
    faults = tuple(_injected(fault, watch.found.get(n)) for n, fault in enumerate(truth))
    score = Score.of(truth, list(watch.incidents.values()))
    alarms = tuple(Alarm(a.id, a.start, a.entity, a.title) for a in score.false_alarms)
    broken = sum((fault.end - fault.start for fault in truth), timedelta())
    clear = (truth.end - truth.start - broken) / timedelta(hours=1)
    return Day(day.seed, day.build.name, clear, faults, alarms)


def _injected(fault: InjectedFault, found: tuple[datetime, object] | None) -> Injected:
    told, delay = None, None
    if found is not None:
        now, incident = found
        delay = max((now - shown(fault)).total_seconds(), 0.0)
        told = str(getattr(incident, "title", ""))
    return Injected(
        fault.name, fault.entity, fault.start, fault.end, fault.description, delay, told
    )


def load(text: str) -> Day:
    """The day that this program printed."""
    record = orjson.loads(text)
    instants = datetime.fromisoformat
    return Day(
        seed=record["seed"],
        build=record["build"],
        clear_hours=record["clear_hours"],
        faults=tuple(
            Injected(**{**one, "start": instants(one["start"]), "end": instants(one["end"])})
            for one in record["faults"]
        ),
        alarms=tuple(Alarm(**{**one, "start": instants(one["start"])}) for one in record["alarms"]),
    )


def main() -> None:
    """Print the day of the seed that the command line names, as JSON."""
    seed, folder, data_sets = sys.argv[1:]
    day = run(int(seed), Path(folder), Path(data_sets))
    sys.stdout.buffer.write(orjson.dumps(asdict(day)) + b"\n")


if __name__ == "__main__":
    main()
