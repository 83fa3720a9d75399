"""Reading that ends at any instant and begins again from the last stored position."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.sources import DockerOptions, DockerSource, LocalShell, Pauses
from boxwatch.sources.docker_api import ApiEngine
from boxwatch.sources.docker_cli import CliEngine

LINES = 1500
# Both streams, in bursts of twenty-five lines: many share a timestamp's neighbourhood.
WRITER = (
    "i=1; while [ $i -le 1500 ]; do echo out-$i; echo err-$i >&2; "
    "[ $((i % 25)) = 0 ] && sleep 0.02; i=$((i+1)); done; sleep 60"
)


@pytest.fixture(params=["socket", "command"])
def build(request, engine):
    """Makes a source that stands at a position."""
    since = datetime.now(UTC) - timedelta(minutes=1)

    def make(position):
        if request.param == "socket":
            asked = ApiEngine(f"{engine.folder}/docker.sock")
        else:
            asked = CliEngine(LocalShell(), "docker", engine.arguments)
        options = DockerOptions(engine=asked, since=since, pauses=Pauses(0.05, 0.2))
        return DockerSource(LocalShell(), "box", position, options)

    return make


def test_every_line_comes_once_whenever_reading_is_killed(build, engine, rows):
    """What was read after the last stored turn is lost with the process, and comes again."""
    chance = random.Random(7)
    engine.run(WRITER, "--name=one")
    engine.run(WRITER, "--name=two")
    stored, position = [], None

    async def life(turns):
        """Read `turns` times; the last of them is not stored."""
        nonlocal position
        source = build(position)
        for turn in range(turns):
            chunks = await source.read()
            if turn + 1 < turns:
                stored.extend(rows(chunks, "docker"))
                position = source.position()
            await asyncio.sleep(0.02)
        await source.close()

    async def lives():
        async with asyncio.timeout(120):
            while len(stored) < 4 * LINES:
                await life(chance.randrange(5, 60))

    asyncio.run(lives())
    said = sorted((row["container_name"], row["message"]) for row in stored)
    assert said == sorted(
        (name, f"{stream}-{n}")
        for name in ("one", "two")
        for stream in ("out", "err")
        for n in range(1, LINES + 1)
    )
