"""From a real engine to what a person reads: one incident for each fault, on the right service."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.events import normalise
from boxwatch.events.schema import concat
from boxwatch.live import Pipeline
from boxwatch.sources import DockerOptions, DockerSource, LocalShell, Pauses
from boxwatch.sources.docker_api import ApiEngine


@pytest.fixture
def incidents(engine, until, rows):
    """The incidents after `start()`, once all `words` were read as actions of events."""

    def run(start, *words):
        async def read():
            chosen = {"engine": ApiEngine(f"{engine.folder}/docker.sock"), "first_pause_s": 0.05}
            source = DockerSource(
                LocalShell(), "box", None, DockerOptions(pauses=Pauses(0.05, 0.2), **chosen)
            )
            chunks = await until(source, lambda c: rows(c, "status"))
            await asyncio.to_thread(start)
            chunks += await until(
                source, lambda c: Counter(words) <= _actions(rows(chunks + c, "docker_events"))
            )
            await source.close()
            return chunks

        events = concat([normalise(chunk) for chunk in asyncio.run(read())])
        outcome = Pipeline().process(events, datetime.now(UTC) + timedelta(seconds=1))
        return [(one.entity, one.detections[0].kind, one.title) for one in outcome.incidents]

    return run


def _actions(events):
    return Counter(event.get("Action") for event in events)


def test_a_crash_loop_is_one_incident(incidents, engine):
    """A container that ends with an error again and again."""
    options = ("--name=loops", "--restart=always")
    found = incidents(lambda: engine.run("exit 3", *options), *["die"] * 4)
    assert [entity for entity, _, _ in found] == ["service:loops"]
    assert "again and again" in found[0][2]


def test_a_kill_for_memory_is_one_incident(incidents, engine):
    """Although the engine reports the kill up to four times, and then the end.

    The engine begins to look for kills once the container runs, and what it looks at is gone with
    the container: it eats when it is told to, and outlives the process that is killed.
    """
    limit = ("--memory=8m", "--memory-swap=8m")
    script = "until [ -e /eat ]; do sleep 0.1; done; busybox tail /dev/zero; sleep 10; exit 9"

    def start():
        engine.run(script, "--name=eats", *limit)
        engine.do("exec", "eats", "busybox", "touch", "/eat")

    found = incidents(start, "oom", "die")
    assert [entity for entity, _, _ in found] == ["service:eats"]
    assert "memory limit" in found[0][2]


def test_a_failing_health_check_is_one_incident(incidents, engine):
    """It runs, and does not answer."""
    check = ("--health-cmd=exit 1", "--health-interval=1s", "--health-retries=1")
    found = incidents(
        lambda: engine.run("sleep 60", "--name=ill", *check), "health_status: unhealthy"
    )
    assert [entity for entity, _, _ in found] == ["service:ill"]
    assert "health check" in found[0][2]


def test_what_was_unhealthy_before_watching_began_is_found(incidents, engine, until):
    """The engine tells no event of what happened long ago; its state does."""
    check = ("--health-cmd=exit 1", "--health-interval=1s", "--health-retries=1")
    engine.run("sleep 60", "--name=long-ill", *check)
    engine.wait_for("long-ill", "{{.State.Health.Status}}", "unhealthy")
    found = incidents(lambda: None, "state: unhealthy")
    assert [entity for entity, _, _ in found] == ["service:long-ill"]


def test_who_is_ill_is_heard_of_as_long_as_it_lasts(engine, until, rows):
    """The engine reports it once; each count of the containers says it again."""
    check = ("--health-cmd=exit 1", "--health-interval=1s", "--health-retries=1")
    engine.run("sleep 60", "--name=stays-ill", *check)
    engine.wait_for("stays-ill", "{{.State.Health.Status}}", "unhealthy")
    asked = ApiEngine(f"{engine.folder}/docker.sock")
    source = DockerSource(LocalShell(), "box", None, DockerOptions(engine=asked, survey_s=0.2))

    async def read():
        thrice = Counter({"state: unhealthy": 3})
        await until(source, lambda c: thrice <= _actions(rows(c, "docker_events")))
        await source.close()

    asyncio.run(read())
