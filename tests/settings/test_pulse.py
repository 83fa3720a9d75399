import json
import logging

import pytest

from boxwatch import pulse


class Seconds:
    """A monotonic clock that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    """A clock at zero."""
    return Seconds()


@pytest.fixture
def registry(seconds):
    """An empty registry on that clock."""
    return pulse.Registry(stale_seconds=60, clock=seconds)


def test_an_event_moves_its_metrics(registry):
    """One record counts its rows by source and sets how long the turn took."""
    for _ in range(2):
        pulse.emit(pulse.BatchStored(1, {"gpu": 5, "host": 7}, {"systemd": 1}, 0.5), registry)
    assert registry.value("boxwatch_events_total", "gpu") == 10
    assert registry.total("boxwatch_events_total") == 24
    assert registry.value("boxwatch_quarantined_total", "systemd") == 2
    assert registry.value("boxwatch_turn_seconds") == 0.5


def test_both_names_say_the_same(registry):
    """The percentage of older dashboards is a hundred times the ratio."""
    pulse.emit(pulse.HostRead("box", 0.25, 0.5, None), registry)
    assert registry.value("boxwatch_cpu_usage_ratio", "box") == 0.25
    assert registry.value("system_cpu_usage_percent") == 25
    assert registry.value("system_disk_usage_percent") is None


def test_a_gauge_that_became_unknown_vanishes(registry):
    """Unknown is not the last known value."""
    pulse.emit(pulse.HostRead("box", 0.25, 0.5, 0.1), registry)
    pulse.emit(pulse.HostRead("box", None, 0.5, 0.1), registry)
    assert registry.value("boxwatch_cpu_usage_ratio", "box") is None


def test_a_stale_gauge_vanishes_and_a_counter_stays(registry, seconds):
    """A loop that hangs does not freeze its gauges; what was counted stays counted."""
    pulse.emit(pulse.BatchStored(1, {"gpu": 5}, {}, 0.5), registry)
    seconds.now = 61
    assert registry.value("boxwatch_turn_seconds") is None
    assert registry.value("boxwatch_events_total", "gpu") == 5


def test_the_score_is_of_the_strangest_window(registry):
    """The score is 1 minus the smallest p-value; a turn without windows leaves it alone."""
    pulse.emit(pulse.TurnJudged("box", {"host": 0.5, "gpu": 0.01}), registry)
    pulse.emit(pulse.TurnJudged("box", {}), registry)
    assert registry.value("anomaly_detection_score") == 0.99


def test_an_open_incident_is_an_anomaly(registry):
    """The flag is 1 while any incident is open, and 0 after."""
    pulse.emit(pulse.IncidentsCounted({"low": 0, "high": 1}), registry)
    assert registry.value("anomaly_detection_is_anomaly") == 1
    pulse.emit(pulse.IncidentsCounted({"low": 0, "high": 0}), registry)
    assert registry.value("anomaly_detection_is_anomaly") == 0


EVENTS = [
    pulse.BaselineRunning(3.0),
    pulse.BatchStored(1, {"gpu": 1}, {"gpu": 1}, 0.1),
    pulse.CheckpointSaved(1, 0.1),
    pulse.GapFound("box", "systemd", 1.0, None),
    pulse.HostRead("box", 0.1, 0.1, 0.1),
    pulse.IncidentOpened("id", "high", "GPU 0 fell off the bus"),
    pulse.ChampionJudged(2),
    pulse.ChampionRefused("half of it"),
    pulse.ChampionTaken("v2", "v1", 0.1),
    pulse.DriftKnown(1.0, "data drift", "P2", 3),
    pulse.WindowHeld("box"),
    pulse.IncidentsCounted({"high": 1}),
    pulse.ModelFitted("gpu", 100, 0.1),
    pulse.PartFailed("sink", "OSError: no"),
    pulse.RecordsReceived("logs", 1, 1),
    pulse.RequestRefused(400, "no"),
    pulse.MasksChanged(kinds=10, renamed=2),
    pulse.TemplatesKept(texts=10, forgotten=1),
    pulse.TemplatesOverflow(remembered=10),
    pulse.RowsOutOfTime("box", 1, 1),
    pulse.SourceAnswered("box", "gpu", True, ""),
    pulse.SystemRestarted("box", None),
    pulse.TurnJudged("box", {"gpu": 0.5}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.slug)
def test_moves_fit_their_measures(event):
    """Every move names a declared measure and gives exactly its labels."""
    for move in event.moves():
        assert len(move.labels) == len(pulse.MEASURES[move.name].labels)


def test_every_measure_is_moved_by_some_event():
    """No declared metric that nothing ever sets."""
    moved = {move.name for event in EVENTS for move in event.moves()}
    assert moved == set(pulse.MEASURES)


def test_the_log_line_has_the_same_numbers(capsys, registry):
    """The line is JSON with the record's own fields."""
    pulse.write_logs(logging.DEBUG, as_json=True)
    pulse.emit(pulse.ModelFitted("gpu", 100, 0.25), registry)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["view"], line["windows"]) == ("model fitted", "gpu", 100)
    assert line["level"] == "info"


def test_lines_below_the_level_are_not_written(capsys, registry):
    """A debug record still counts but writes nothing at the usual level."""
    pulse.write_logs(logging.WARNING)
    pulse.emit(pulse.CheckpointSaved(1, 0.1), registry)
    assert capsys.readouterr().err == ""
    assert registry.value("boxwatch_checkpoints_total") == 1


def test_progress_may_go_unheard():
    """A job may always report; nobody need listen."""
    assert pulse.unheard("reading", 1, None) is None
