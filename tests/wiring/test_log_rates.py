"""`logs rates` over a real store."""

import pytest
from tests.wiring.command import well
from tests.wiring.logged import line, stored

UNTIL = ("--until", "2026-03-01T20:00Z")  # eight hours after the first line
MINUTES = 480


def rates(data, *arguments):
    """What `boxwatch logs rates` answers as JSON, by service or template."""
    answer = well("logs", "rates", *arguments, *UNTIL, "--json", "--data", data).json
    return {one["template"] or one["service"]: one for one in answer["rates"]}


def every(minutes, message, begin=0, end=MINUTES, **columns):
    """A line every so many minutes."""
    count = int((end - begin) / minutes)
    return [line(message, begin + n * minutes, **columns) for n in range(count)]


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A steady service, one that fell silent, one that bursts, one that is new, a rare one."""
    return stored(
        tmp_path_factory.mktemp("rates") / "data",
        every(0.5, "beat 1", container_name="steady"),
        every(1, "work 1", end=460, container_name="stopped"),
        every(2, "ask 1", container_name="burst"),
        every(0.05, "why 1", begin=470, container_name="burst"),
        every(1, "hello 1", begin=475, container_name="fresh"),
        every(60, "tidy 1", begin=15, container_name="rare"),
    )


def test_each_service_is_held_against_its_usual(day):
    """Now, usual and the range are lines a minute; the state says how they compare."""
    found = rates(day)
    states = {name: one["state"] for name, one in found.items()}
    assert states == {
        "stopped": "silent",
        "fresh": "new",
        "burst": "more",
        "steady": "usual",
        "rare": "usual",
    }
    steady = found["steady"]
    assert (steady["recent"], steady["usual"], steady["low"], steady["high"]) == (2, 2, 2, 2)
    assert found["stopped"]["recent"] == 0
    assert found["stopped"]["usual"] == 1
    assert found["burst"]["recent"] == pytest.approx(20.5)
    assert found["rare"]["usual"] == 0
    assert found["fresh"]["usual"] is None


def test_what_is_unusual_comes_first(day):
    """A silence before all else."""
    assert list(rates(day)) == ["stopped", "fresh", "burst", "steady", "rare"]


def test_steps_cover_the_time_shown(day):
    """Six hours in steps of ten minutes; the last lines are in the last step."""
    found = rates(day)
    assert len(found["steady"]["steps"]) == 36
    assert set(found["steady"]["steps"]) == {2.0}
    assert found["steady"]["lines"] == 720
    assert found["stopped"]["steps"][-3:] == [1.0, 0.0, 0.0]


def test_a_short_time_is_shown_in_finer_steps(day):
    """Half an hour, a minute each, counted from the lines."""
    steps = rates(day, "--since", "2026-03-01T19:30Z")["stopped"]["steps"]
    assert len(steps) == 30
    assert steps == [1.0] * 10 + [0.0] * 20


def test_a_service_is_shown_by_kind_of_line(day):
    """Which of its lines it is that comes too often."""
    found = rates(day, "--service", "burst")
    assert {name: one["state"] for name, one in found.items()} == {
        "why <*>": "new",
        "ask <*>": "usual",
    }
    assert found["why <*>"]["template_id"].isdigit()


def test_too_little_history_is_said(tmp_path):
    """Nothing is usual after an hour and a half."""
    data = stored(tmp_path / "data", every(1, "beat 1", begin=390))
    (one,) = rates(data).values()
    assert (one["state"], one["usual"]) == ("unknown", None)
    assert "too little" in well("logs", "rates", *UNTIL, "--data", data).out


def test_without_an_end_it_is_the_newest_line(day):
    """A recording of another day is shown as it was at its end."""
    answer = well("logs", "rates", "--json", "--data", day).json
    assert answer["until"].startswith("2026-03-01T19:59")
    assert answer["since"] == "2026-03-01T13:50:00Z"


def test_the_course_is_drawn(day):
    """A picture for each step, a dot where there is none."""
    out = well("logs", "rates", *UNTIL, "--data", day).out
    assert "stopped on box: now 0, usually 1 (1 to 1)  silent" in out
    assert "·" in out
    assert "█" in out


def test_time_when_nobody_watched_is_not_silence(tmp_path):
    """Ten minutes in which the whole host said nothing do not count as usual."""
    data = stored(tmp_path / "data", every(1, "beat 1", end=180), every(1, "beat 1", begin=300))
    (one,) = rates(data).values()
    assert (one["low"], one["usual"], one["state"]) == (1, 1, "usual")
