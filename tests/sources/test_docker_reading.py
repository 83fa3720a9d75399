"""How containers are read, on an engine that says what the test wrote down."""

import asyncio

import pytest
from tests.sources.scripted_engine import ScriptedEngine

from boxwatch.errors import SourceError
from boxwatch.sources import DockerOptions, DockerSource, LocalShell

LINE = "2099-01-01T00:00:00.000000000Z hello"


@pytest.fixture
def read(until, rows):
    """What a source on an engine hands over until `enough(lines, events)`, and the source."""

    def go(engine, enough, position=None, **options):
        source = DockerSource(
            LocalShell(), "box", position, DockerOptions(engine=engine, **options)
        )

        async def work():
            chunks = await until(
                source, lambda c: enough(rows(c, "docker"), _actions(rows(c, "docker_events")))
            )
            chunks += await source.read()
            await source.close()
            return rows(chunks, "docker"), rows(chunks, "docker_events")

        return *asyncio.run(work()), source

    return go


def _actions(events):
    return [event.get("Action") for event in events]


def _event(action, at, key="c1", **attributes):
    actor = {"ID": key, "Attributes": {"name": "web", **attributes}}
    return {"Type": "container", "Action": action, "Actor": actor, "timeNano": at}


def test_what_logs_to_journald_is_left_to_the_journal(read):
    """Where the journal is read, the engine is not asked for lines that come from there."""
    engine = ScriptedEngine([LINE], [_event("pause", 1)], driver="journald")
    lines, _, _ = read(engine, lambda _, did: len(did) == 2, journal_read=True)
    assert (lines, "logs" in engine.asked) == ([], False)


def test_what_logs_to_journald_is_read_where_the_journal_is_not(read):
    """Then the engine is the only way to these lines."""
    lines, _, _ = read(ScriptedEngine([LINE], driver="journald"), lambda lines, _: lines)
    assert [line["message"] for line in lines] == ["hello"]


def test_an_unreadable_log_is_said_once(read):
    """Also not again by the next run, which knows from the position."""
    refusal = ("configured logging driver does not support reading", "denied")
    engine = ScriptedEngine(driver="none", refusal=refusal)
    _, events, source = read(engine, lambda _, did: "log unreadable" in did)
    told = next(e for e in events if e["Action"] == "log unreadable")["Actor"]["Attributes"]
    assert (told["name"], told["logDriver"], told["reason"]) == ("web", "none", refusal[0])
    again = ScriptedEngine(happened=[_event("pause", 1)], driver="none", refusal=refusal)
    _, events, _ = read(
        again, lambda _, did: "pause" in did and "logs" in again.asked, source.position()
    )
    assert "log unreadable" not in _actions(events)


def test_one_kill_for_memory_is_one_event(read):
    """The engine reports it up to four times; that of another container is another."""
    ooms = [_event("oom", at) for at in (1, 2, 3)] + [_event("oom", 4, "c2"), _event("die", 5)]
    _, events, _ = read(ScriptedEngine(happened=ooms), lambda _, did: "die" in did)
    assert [e["timeNano"] for e in events if e["Action"] == "oom"] == [1, 4]


def test_a_kill_after_a_start_is_another(read):
    """A container that starts and is killed again within a second."""
    happened = [_event("oom", 1), _event("start", 2), _event("oom", 3), _event("die", 4)]
    _, events, _ = read(ScriptedEngine(happened=happened), lambda _, did: "die" in did)
    assert [e["timeNano"] for e in events if e["Action"] == "oom"] == [1, 3]


def test_what_is_run_inside_a_container_is_left_out(read):
    """Health checks run every few seconds and say nothing by themselves."""
    happened = [_event("exec_create: sh", 1), _event("exec_die", 2), _event("die", 3)]
    _, events, _ = read(ScriptedEngine(happened=happened), lambda _, did: "die" in did)
    assert not any(action.startswith("exec") for action in _actions(events))


def test_missing_events_are_recognised(read):
    """The last event does not come again: the engine has forgotten it, and perhaps others."""
    _, _, source = read(ScriptedEngine(happened=[_event("die", 1)]), lambda _, did: "die" in did)
    later = ScriptedEngine(happened=[_event("die", 5)])
    _, events, _ = read(later, lambda _, did: "die" in did, source.position())
    assert [e["Type"] for e in events if e["Action"] == "events missing"] == ["daemon"]


def test_no_event_is_missing_where_the_last_one_comes_again(read):
    """Then the engine still holds all that came after it."""
    _, _, source = read(ScriptedEngine(happened=[_event("die", 1)]), lambda _, did: "die" in did)
    both = ScriptedEngine(happened=[_event("die", 1), _event("stop", 5)])
    _, events, _ = read(both, lambda _, did: "stop" in did, source.position())
    assert [a for a in _actions(events) if a in ("die", "stop", "events missing")] == ["stop"]


def test_an_event_that_is_none_is_handed_over_for_quarantine(read):
    """And the next one is read."""
    engine = ScriptedEngine(happened=[["no event"], _event("die", 3)])
    _, events, _ = read(engine, lambda _, did: "die" in did)
    assert any("unreadable" in event for event in events)


def test_only_the_containers_that_are_wanted_are_read(read):
    """Neither their lines nor their events."""
    engine = ScriptedEngine([LINE], [_event("pause", 1), _event("die", 2, "c2", name="other")])
    lines, events, _ = read(engine, lambda _, did: "die" in did, names=("other",))
    assert (lines, _actions(events)) == ([], ["die"])


def test_the_first_form_of_a_position_is_understood(read):
    """Marks by stream alone, and the last event with a count."""
    at = "2021-01-01T00:00:00.000000000Z"
    old = {"since": "2020", "events": [5, 1], "containers": {"c1": {"stdout": [at, 1]}}}
    engine = ScriptedEngine([f"{at} one", f"{at} two"], [_event("die", 6)])
    _, _, source = read(engine, lambda lines, did: lines and "die" in did, old)
    assert source.position()["containers"]["c1"]["marks"] == {"stdout": [at, 2]}


@pytest.mark.parametrize(
    "position",
    [
        {"cursor": "x"},
        {"since": 5, "events": {}, "containers": {}},
        {"since": "x", "events": {"last": 1}, "containers": {}},
        {"since": "x", "events": [], "containers": {}},
        {"since": "x", "events": [1, 1], "containers": {"c": {"marks": 3}}},
    ],
)
def test_a_position_of_something_else_is_refused(position):
    """With what it needs."""
    with pytest.raises(SourceError, match="It needs"):
        DockerSource(LocalShell(), "box", position)
