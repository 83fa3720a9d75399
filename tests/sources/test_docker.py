"""Containers, read from a real docker engine."""

import asyncio
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from boxwatch.sources import DockerOptions, DockerSource, LocalShell, Pauses
from boxwatch.sources.docker_api import ApiEngine
from boxwatch.sources.docker_cli import CliEngine


@pytest.fixture(params=["socket", "command"])
def source(request, engine):
    """Builds a source on the test's engine, at a position; asked over its socket or with docker."""

    def build(position=None, **options):
        if request.param == "socket":
            asked = ApiEngine(f"{engine.folder}/docker.sock")
        else:
            asked = CliEngine(LocalShell(), "docker", engine.arguments)
        pauses = Pauses(0.05, 0.2)
        chosen = {"engine": asked, "first_pause_s": 0.05, "pauses": pauses, **options}
        return DockerSource(LocalShell(), "box", position, DockerOptions(**chosen))

    return build


@pytest.fixture
def watch(until):
    """Read from when the source stands, or is `ready`, doing `action` then, until `enough`."""

    def run(source, enough, action=None, ready=_stands):
        async def go():
            try:
                chunks = await until(source, ready)
                if action is not None:
                    await asyncio.to_thread(action)
                chunks += await until(source, lambda more: enough(chunks + more))
                return chunks
            finally:
                await source.close()

        return asyncio.run(go())

    return run


def _stands(chunks):
    return any(each.kind == "status" for each in chunks)


@pytest.fixture
def texts(rows):
    """The messages among chunks, in order."""
    return lambda chunks: [row["message"] for row in rows(chunks, "docker")]


def test_both_streams_of_a_new_container_are_read(engine, source, watch, rows, texts):
    """A container started while watching is followed; each line says its stream and container."""
    script = "echo to-out; echo to-err >&2; sleep 1000"
    chunks = watch(
        source(), lambda c: len(texts(c)) == 2, lambda: engine.run(script, "--name=fresh")
    )
    found = {row["message"]: row for row in rows(chunks, "docker")}
    assert {m: r["stream"] for m, r in found.items()} == {"to-out": "stdout", "to-err": "stderr"}
    assert {(r["container_name"], len(r["container_id"])) for r in found.values()} == {
        ("fresh", 64)
    }
    assert len(found["to-out"]["timestamp"]) == len("2026-01-01T00:00:00.000000000Z")


def test_events_are_handed_over_as_printed_with_the_host(engine, source, watch, rows):
    """Die with its exit code arrives as the engine prints it, plus our host."""

    def died(chunks):
        return [e for e in rows(chunks, "docker_events") if e.get("Action") == "die"]

    event = died(watch(source(), died, lambda: engine.run("exit 3")))[0]
    assert (event["Actor"]["Attributes"]["exitCode"], event["host"]) == ("3", "box")


def test_resuming_loses_and_doubles_nothing(engine, source, watch, texts):
    """Lines of many containers written while nobody read come once, restarts included."""
    script = "for i in $(seq 0 19); do echo {0}-$i; echo {0}-e$i >&2; done; sleep 1000"
    engine.run(script.format("a"), "--name=box-a")
    first = source(since=datetime.now(UTC) - timedelta(minutes=1))
    got = texts(watch(first, lambda c: len(texts(c)) >= 10))
    engine.do("restart", "--time=0", "box-a")
    engine.run(script.format("b"), "--name=box-b")
    second = source(first.position())
    got += texts(watch(second, lambda c: len(got) + len(texts(c)) >= 120))
    third = source(second.position())
    engine.run("echo last", "--name=box-c")
    got += texts(watch(third, lambda c: "last" in texts(c)))
    expected = [f"{who}-{e}{i}" for who in "aab" for e in ("", "e") for i in range(20)] + ["last"]
    assert sorted(got) == sorted(expected)


def test_watching_begins_now(engine, source, watch, texts):
    """Lines from before the start are left out."""
    script = "trap 'echo new' USR1; echo old; while :; do sleep 0.1; done"
    container = engine.run(script)
    engine.wait_for_line(container, "old")
    speak = partial(engine.do, "kill", "--signal=USR1", container)
    assert texts(watch(source(), texts, speak)) == ["new"]


def test_collecting_hands_over_what_is_there_and_ends(engine, source, until, texts, rows):
    """A source that does not follow reads stopped containers too, and is done."""
    engine.do("wait", engine.run("echo one; echo two >&2"))
    collector = source(follow=False, since=datetime.now(UTC) - timedelta(minutes=1))
    chunks = asyncio.run(until(collector, lambda _: collector.done))
    assert sorted(texts(chunks)) == ["one", "two"]
    assert "die" in [event.get("Action") for event in rows(chunks, "docker_events")]


def test_events_are_not_doubled_by_a_restart(engine, source, watch, rows):
    """The last event handed over is not handed over again."""
    first = source()
    seen = watch(first, lambda c: len(_actions(rows, c)) >= 3, lambda: engine.run("exit 0"))
    seen += watch(
        source(first.position()),
        lambda c: "oops" in str(rows(c, "docker_events")),
        lambda: engine.run("exit 1", "--name=oops"),
    )
    times = [event["timeNano"] for event in rows(seen, "docker_events")]
    assert len(times) == len(set(times))


def _actions(rows, chunks):
    return [event.get("Action") for event in rows(chunks, "docker_events")]


def test_long_line_is_whole(engine, source, watch, texts):
    """A line that the engine cut into parts is one line without the stamps between them."""
    script = "head -c 50000 /dev/zero | tr '\\0' x; echo; echo short; sleep 1000"
    chunks = watch(source(), lambda c: "short" in texts(c), lambda: engine.run(script))
    assert texts(chunks)[0] == "x" * 50_000


def test_driver_none_is_tolerated(engine, source, watch, texts):
    """A container without logs costs nothing and disturbs no other."""

    def start():
        engine.run("echo unseen; sleep 1000", "--log-driver=none")
        engine.run("echo seen; sleep 1000")

    chunks = watch(source(), lambda c: "seen" in texts(c), start)
    assert texts(chunks) == ["seen"]


def test_engine_that_restarts_is_found_again(engine, source, until, texts, rows):
    """A lost engine is failing, once; when it is back, new containers are followed."""

    async def go():
        reader = source()
        chunks = await until(reader, lambda c: rows(c, "status"))
        await asyncio.to_thread(engine.stop)
        chunks += await until(reader, lambda c: rows(c, "status"))
        assert await asyncio.to_thread(engine.start)
        await asyncio.to_thread(engine.run, "echo back; sleep 1000")
        chunks += await until(reader, lambda c: "back" in texts(c))
        await reader.close()
        return [row["state"] for row in rows(chunks, "status")]

    assert asyncio.run(go()) == ["ok", "failing", "ok"]


def test_closing_leaves_nothing(engine, source, until, texts, alone):
    """After close() no docker command, file or task is left."""

    async def go():
        engine.run("echo x; sleep 1000")
        before = await alone()
        reader = source(since=datetime.now(UTC) - timedelta(minutes=1))
        await until(reader, texts)
        await reader.close()
        return before, await alone()

    before, after = asyncio.run(go())
    assert after == before


def test_probe_names_the_engine(source):
    """An answering engine is ok, with its version."""
    assert asyncio.run(source().probe()).state == "ok"


def test_missing_docker_is_absent_once(until, rows, tmp_path):
    """Without the program there is one status, and trying goes on."""
    options = DockerOptions(program=str(tmp_path / "docker"), pauses=Pauses(0.01, 0.05))
    reader = DockerSource(LocalShell(), "box", None, options)

    async def go():
        chunks = await until(reader, bool)
        await asyncio.sleep(0.2)
        chunks += await reader.read()
        await reader.close()
        return [row["state"] for row in rows(chunks, "status")]

    assert asyncio.run(go()) == ["absent"]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "denied"),
        (
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            "absent",
        ),
        ("Error response from daemon: something else", "failing"),
    ],
)
def test_complaints_become_states(words, state, tmp_path):
    """What docker says when it is refused, not there, or broken is told apart."""
    tool = tmp_path / "docker"
    tool.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    tool.chmod(0o755)
    reader = DockerSource(LocalShell(), "box", None, DockerOptions(program=str(tool)))
    capability = asyncio.run(reader.probe())
    assert (capability.state, capability.reason) == (state, words)


def test_a_container_with_a_terminal_is_read(engine, source, watch, texts):
    """It has one stream of raw bytes, and its lines end as a terminal's do."""
    script = "echo one; head -c 40000 /dev/zero | tr '\\0' y; echo; echo two; sleep 1000"
    chunks = watch(source(), lambda c: "two\r" in texts(c), lambda: engine.run(script, "--tty"))
    assert texts(chunks) == ["one\r", "y" * 40_000 + "\r", "two\r"]


def test_a_renamed_container_keeps_its_lines(engine, source, watch, rows):
    """What it says from then on carries the new name."""

    def names(chunks):
        return [row["container_name"] for row in rows(chunks, "docker")]

    def rename():
        engine.do("rename", "before", "after")
        engine.do("kill", "--signal=USR1", "after")

    engine.run("trap 'echo now' USR1; echo up; while :; do sleep 0.1; done", "--name=before")
    reader = source(since=datetime.now(UTC) - timedelta(minutes=1))
    chunks = watch(reader, lambda c: len(names(c)) == 2, rename, ready=names)
    assert names(chunks) == ["before", "after"]


def test_what_a_removed_container_wrote_last_is_read(engine, source, watch, texts):
    """It is killed and removed while it is read; nothing of it stays in the position."""
    script = "trap 'seq 500; exit' TERM; echo up; while :; do sleep 0.1; done"

    def remove():
        engine.do("stop", "--time=30", "brief")
        engine.do("rm", "brief")

    engine.run(script, "--name=brief")
    reader = source(since=datetime.now(UTC) - timedelta(minutes=1))
    chunks = watch(reader, lambda c: "500" in texts(c) and not _known(reader), remove, ready=texts)
    assert texts(chunks) == ["up", *map(str, range(1, 501))]


def _known(reader):
    return reader.position()["containers"]


def test_short_lived_containers_are_read_or_said_to_be_gone(engine, source, watch, rows):
    """A dozen that live for an instant and are removed by the engine at once.

    It fails now and then to remove what it has just stopped: that is its own.
    """

    def one(number):
        argv = ["run", "--rm", "--network=none", engine.IMAGE, "sh", "-c"]
        said = f"echo {number}-1; echo {number}-2"
        done = subprocess.run(engine.argv(*argv, said), capture_output=True, check=False)
        assert done.returncode == 0 or b"unable to remove" in done.stderr, done.stderr

    def start():
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(12)))

    def told(chunks):
        lines = Counter(row["container_id"] for row in rows(chunks, "docker"))
        events = rows(chunks, "docker_events")
        gone = [e["Actor"]["ID"] for e in events if e["Action"] == "log unreadable"]
        return lines, gone

    def whole(chunks):
        lines, gone = told(chunks)
        return len(lines) + len(gone) == 12 and set(lines.values()) <= {2}

    lines, gone = told(watch(source(), whole, start))
    assert not set(lines) & set(gone)


def test_containers_that_end_at_once_are_read(engine, source, watch, texts):
    """They stay until they are removed, and all they said is there."""

    def start():
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: engine.run(f"echo {n}-1; echo {n}-2 >&2"), range(8)))

    expected = sorted(f"{n}-{i}" for n in range(8) for i in (1, 2))
    chunks = watch(source(), lambda c: len(texts(c)) >= len(expected), start)
    assert sorted(texts(chunks)) == expected
