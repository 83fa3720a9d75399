"""Scores, alarms, log lines and labels beside the features."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.wiring.command import boxwatch, well
from tests.wiring.test_model_life import BEGAN, HOST, cut, made, windows

from boxwatch.detections import Detection, Kind, Severity
from boxwatch.events.schema import LOGS, SAMPLES, Events
from boxwatch.incidents import Incident, Label, Opinion, State
from boxwatch.pulse import unheard
from boxwatch.store import EventStore, StateStore
from boxwatch.wiring.detector_task import fit_windows
from boxwatch.wiring.drift_outputs import alarm_rate, feedback, new_lines, scores
from boxwatch.wiring.log_templates import LogPlace

HOUR = timedelta(hours=1)
LATER = BEGAN + timedelta(days=1)


def alarm(at: datetime, opinion: Opinion | None = None) -> Incident:
    """An incident with a statistical finding."""
    found = Detection("a", "host", at, at, False, Kind.UNUSUAL, "host-unusual", Severity.MEDIUM, ())
    one = Incident(
        at.isoformat(), "a", "host", at, at, State.RESOLVED, Severity.MEDIUM, "t", (), "", (found,)
    )  # fmt: skip
    return one if opinion is None else replace(one, label=Label(opinion, "ann", at))


def day(start: datetime) -> pl.DataFrame:
    """One window a minute of one day."""
    times = [start + timedelta(minutes=number) for number in range(24 * 60)]
    return pl.DataFrame({"host": ["a"] * len(times), "start": times}).cast(
        {"start": HOST.schema["start"]}
    )


def test_more_alarms_than_before_are_drift():
    """One a day before, one an hour of late; one more is none."""
    watched = [day(BEGAN), day(LATER)]
    many = [alarm(LATER + number * HOUR) for number in range(20)]
    found = alarm_rate([alarm(BEGAN), *many], watched, LATER, LATER + 24 * HOUR)
    assert found.drifted
    assert found.value == pytest.approx(20.0)
    few = alarm_rate([alarm(BEGAN), *many[:2]], watched, LATER, LATER + 24 * HOUR)
    assert not few.drifted


def test_a_burst_of_alarms_is_one_hour_with_an_alarm():
    """However many there are in it."""
    burst = [alarm(LATER + timedelta(minutes=number)) for number in range(50)]
    found = alarm_rate(burst, [day(BEGAN), day(LATER)], LATER, LATER + 24 * HOUR)
    assert "1 of 24, 0 of 24" in found.help
    assert not found.drifted


def test_without_time_before_nothing_is_said():
    """A folder whose first window is a late one."""
    assert alarm_rate([], [day(LATER)], LATER, LATER + 24 * HOUR) is None


def test_labels_become_precision():
    """Split where the compared time begins; expected alarms are neither right nor wrong."""
    incidents = [
        alarm(BEGAN, Opinion.REAL),
        alarm(BEGAN + HOUR, Opinion.EXPECTED),
        alarm(LATER, Opinion.FALSE),
        alarm(LATER + HOUR),
    ]
    said = feedback(incidents, BEGAN, LATER)
    assert (said.before.real, said.before.false) == (1, 0)
    assert (said.late.real, said.late.false) == (0, 1)
    assert said.expected == 1


def test_scores_elsewhere_are_drift():
    """Windows of the same kind score as those held out; noisier ones do not."""
    learned, held, like = windows(1), windows(2), windows(3)
    model = fit_windows(HOST, learned, {"seed": 0, "courses": False})
    assert not scores("host", model, held, like).drifted
    noisy = windows(4).with_columns(
        pl.col(name) * 3 - windows(5)[name] * 2 for name in HOST.columns
    )
    assert scores("host", model, held, noisy).drifted
    assert scores("host", model, held.head(50), like) is None


def stored(data: Path, texts: dict[datetime, str]) -> Path:
    """A folder with 600 lines of each text, one every six seconds from its instant."""
    with EventStore.open(data, writable=True) as store:
        for seq, (start, text) in enumerate(texts.items(), 1):
            times = [start + timedelta(seconds=6 * number) for number in range(600)]
            lines = pl.DataFrame(
                {
                    "time": times,
                    "host": "a",
                    "source": "app",
                    "container_name": "web",
                    "message": [f"{text} {number}" for number in range(600)],
                    "event_id": [seq * 10_000 + number for number in range(600)],
                }
            )
            missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in LOGS.items()
                       if name not in lines.columns]  # fmt: skip
            logs = lines.with_columns(missing).select(list(LOGS)).cast(dict(LOGS))
            store.append(Events(logs, pl.DataFrame(schema=dict(SAMPLES))), times[-1], {})
    StateStore.open(data).close()
    return data


def test_lines_of_new_kinds_are_drift(tmp_path):
    """All lines are of a kind that was not there while the version learned; or all were."""
    texts = {BEGAN: "request done in", BEGAN + HOUR: "request done in"}
    new = texts | {BEGAN + 2 * HOUR: "disk cache was flushed by worker"}
    old = texts | {BEGAN + 2 * HOUR: "request done in"}
    for name, lines, share in (("new", new, 1.0), ("old", old, 0.0)):
        place = LogPlace(stored(tmp_path / name, lines))
        start = BEGAN + 2 * HOUR
        found = new_lines(place, start, start, start + HOUR, unheard)
        assert found.value == pytest.approx(share)
        assert found.drifted is (share == 1.0)


def test_without_lines_nothing_is_said_of_them(tmp_path):
    """A folder of readings only."""
    EventStore.open(tmp_path / "data", writable=True).close()
    assert new_lines(LogPlace(tmp_path / "data"), BEGAN, LATER, LATER + HOUR, unheard) is None


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the processor became busier after training."""
    data = made(tmp_path_factory.mktemp("drift") / "data")
    well("train", "--data", data)
    cut(data, windows(9, LATER).with_columns(pl.col("cpu_busy") + 0.5))
    return data


def test_the_page_shows_what_moved_and_stands_alone(moved, tmp_path):
    """With a picture of both distributions; it loads nothing."""
    file = tmp_path / "drift.html"
    well("drift", "report", "--html", file, "--data", moved)
    page = file.read_text()
    assert "cpu_busy" in page
    assert page.count('<path class="was" d="M') == page.count('<path class="is" d="M') == 1
    assert "http" not in page.replace("http-equiv", "")


def test_a_check_is_kept(moved):
    """The last one is there for whoever asks later, the running watcher for one."""
    told = well("drift", "report", "--data", moved, "--json").json
    with StateStore.open(moved) as store:
        kept = store.last_drift()
    assert (kept.version, kept.kind, kept.priority, kept.moved) == ("v1", "data drift", "P2", 1)
    assert json.loads(kept.report)["moved"] == told["moved"]


def test_labels_are_counted_by_version(moved):
    """Of incidents with an alarm that the version raised; another version's count there."""
    artifact = well("models", "show", "v1", "--data", moved, "--json").json["parts"]["host"]
    one, other = alarm(BEGAN), alarm(BEGAN + HOUR)
    mine = replace(one.detections[0], model_version=f"host-{artifact}")
    with StateStore.open(moved) as store:
        store.note([replace(one, detections=(mine,)), other])
        for each in (one, other):
            store.give_label(each.id, Opinion.EXPECTED, "ann")
    shown = well("models", "show", "v1", "--data", moved, "--json").json
    assert shown["labels"] == {"expected": 1}


def test_evidently_is_written_or_asked_for(moved, tmp_path):
    """One page a view where it is installed; else what to install."""
    answer = boxwatch("drift", "report", "--evidently", tmp_path / "e.html", "--data", moved)
    if importlib.util.find_spec("evidently") is None:
        assert answer.status == 3
        assert "boxwatch[evidently]" in answer.err
    else:
        assert "cpu_busy" in (tmp_path / "e-host.html").read_text()


def test_a_page_that_cannot_be_written_says_so(moved):
    """The file and the reason."""
    answer = boxwatch("drift", "report", "--html", "absent/x.html", "--data", moved)
    assert answer.status == 3
    assert "absent/x.html" in answer.err
