"""A service that used to write and does not; and what is no silence."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from tests.detections import made

from boxwatch.detections import SilenceWatch
from boxwatch.features import VIEWS

STEP = timedelta(seconds=VIEWS["service"].window_s)
HOUR = 360  # windows


def spoken(lines: list[int], start: datetime = made.START) -> pl.DataFrame:
    """Consecutive windows of one service, with so many lines each."""
    starts = [start + STEP * number for number in range(len(lines))]
    return pl.DataFrame(
        {
            "host": "box",
            "entity": "service:ollama",
            "start": starts,
            "end": [one + STEP for one in starts],
            "lines": [float(count) for count in lines],
        }
    )


def after(lines: list[int]) -> datetime:
    """Where the next window starts."""
    return made.START + STEP * len(lines)


def test_a_service_that_falls_silent_is_found():
    """It wrote every window for an hour; a minute and a half without a line is a finding."""
    words = SilenceWatch().add(spoken([3] * HOUR + [0] * 30))
    (found,) = {word.id: word for word in words}.values()
    assert found.open
    assert found.start == made.START + STEP * (HOUR - 1)
    assert "service:ollama" in found.reasons[0].entity


def test_it_ends_with_the_first_line():
    """The service writes again: the same finding, ended."""
    watch = SilenceWatch()
    (began,) = watch.add(spoken([3] * HOUR + [0] * 30))
    (ended,) = watch.add(spoken([1, 2, 3], start=after([0] * (HOUR + 30))))
    assert ended.id == began.id
    assert not ended.open


def systemd(second: float, text: str) -> pl.DataFrame:
    """A line of systemd about the service, with what the watch looks at."""
    return pl.DataFrame(
        {
            "host": "box",
            "source": "systemd",
            "entity": "service:ollama",
            "time": made.START + timedelta(seconds=second),
            "message": text,
        }
    )


END = HOUR * STEP.total_seconds() - 3
WELL = "ollama.service: Deactivated successfully."


def test_a_job_that_ended_well_is_not_silent():
    """Its unit ended by itself: there is nothing more to say, however long."""
    watch = SilenceWatch()
    assert watch.add(spoken([3] * HOUR + [0] * 300), systemd(END, WELL)) == []


def test_a_job_that_began_again_is_expected_to_write():
    """It ran once more and then fell silent without an end."""
    watch = SilenceWatch()
    watch.add(spoken([3] * HOUR + [0] * 300), systemd(END, WELL))
    again = spoken([3] * HOUR + [0] * 30, start=after([0] * (HOUR + 300)))
    assert watch.add(again) != []


def test_ends_that_come_together_are_each_remembered():
    """A timer's job ran three times in what came at once: each pause is one after an end."""
    watch = SilenceWatch()
    runs = [1] + [0] * 60
    ends = [number * 61 * STEP.total_seconds() + 2 for number in range(30)]
    said = pl.concat(systemd(second, WELL) for second in ends)
    assert watch.add(spoken(runs * 30 + [0] * 300), said) == []


def test_a_service_that_somebody_stopped_is_silent():
    """It was told to stop: it may be missed."""
    watch = SilenceWatch()
    told = [systemd(END - 2, "Stopping ollama.service - Ollama..."), systemd(END, WELL)]
    assert watch.add(spoken([3] * HOUR + [0] * 30), pl.concat(told)) != []


def test_an_end_outlives_a_restart_of_the_watcher():
    """What was noted before its window closed is part of the state."""
    watch, again = SilenceWatch(), SilenceWatch()
    watch.add(spoken([3] * HOUR), systemd(END + 4, WELL))
    again.load(watch.save())
    assert again.add(spoken([1] + [0] * 300, start=after([0] * HOUR))) == []


def test_a_short_pause_is_none():
    """A minute without a line happens."""
    assert SilenceWatch().add(spoken(([3] * 60 + [0] * 6) * 6)) == []


def test_a_service_that_pauses_often_may_pause_longer():
    """Its own longest pause says how long is long."""
    habit = ([2] * 30 + [0] * 12) * 9
    assert SilenceWatch().add(spoken([*habit, *[0] * 30])) == []
    assert len(SilenceWatch().add(spoken([*habit, 2, *[0] * 60]))) == 1


def test_a_service_known_for_a_short_time_is_given_time():
    """Ten minutes of lines say little about its pauses."""
    assert SilenceWatch().add(spoken([3] * 60 + [0] * 60)) == []


def test_a_service_that_rarely_writes_is_not_expected_to():
    """A line every ten minutes is no rhythm."""
    assert SilenceWatch().add(spoken(([1] + [0] * 59) * 6 + [0] * HOUR)) == []


@pytest.mark.parametrize("away", [timedelta(minutes=20), timedelta(days=3), -timedelta(hours=1)])
def test_time_that_nobody_watched_is_no_silence(away):
    """The watcher was stopped, or the clock jumped either way: windows are missing, not empty."""
    watch = SilenceWatch()
    lines = [3] * HOUR
    assert watch.add(spoken(lines)) == []
    assert watch.add(spoken([0, 0, 3] + [3] * 30, start=after(lines) + away)) == []


@pytest.mark.parametrize("cut", [1, HOUR - 1, HOUR + 5, HOUR + 12, HOUR + 31])
def test_saved_and_loaded_it_goes_on(cut):
    """Wherever it stops, what is said afterwards is the same."""
    whole = spoken([3] * HOUR + [0] * 30 + [1] * 5)
    first, second = SilenceWatch(), SilenceWatch()
    first.add(whole[:cut])
    second.load(first.save())
    assert second.add(whole[cut:]) == first.add(whole[cut:])
