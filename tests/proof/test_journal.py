"""The journal of a real host that is restarted, loses its power and runs containers."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from boxwatch.events import normalise
from boxwatch.sources import JournaldSource, JournalOptions, LocalShell, Pauses

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def host(add):
    """A host with a container engine."""
    return add("journal", containers=True)


def reader(host, position=None, **options):
    """A source on the journal of `host`, from its beginning."""
    options = {"since": datetime(2020, 1, 1, tzinfo=UTC), "pauses": Pauses(0.1, 0.5)} | options
    arguments = (f"--directory={host.folder}/journal",)
    options = JournalOptions(arguments=arguments, **options)
    return JournaldSource(LocalShell(), host.name, position, options)


async def until(source, enough):
    """What comes until `enough(rows)` holds, as the log rows it becomes."""
    found = []
    async with asyncio.timeout(PATIENCE_S):
        while not enough(found):
            for chunk in await source.read():
                found += normalise(chunk).logs.rows(named=True)
            await asyncio.sleep(0.05)
    return found


def restarts(found):
    """How each restart among log rows went, in order."""
    rows = [row for row in found if row["subtype"] == "system restart"]
    return [json.loads(row["attributes"])["shut_down"] for row in rows]


def test_a_reboot_and_a_loss_of_power_are_told_apart(host):
    """Each once, also by a reader that begins anew between them; and no gap."""

    async def watch():
        first = reader(host)
        await until(first, lambda found: found)
        await asyncio.to_thread(host.reboot)
        found = await until(first, restarts)
        await first.close()
        second = reader(host, first.position())
        await asyncio.to_thread(host.crash)
        await asyncio.to_thread(host.start)
        found += await until(second, restarts)
        await second.close()
        return found

    found = asyncio.run(watch())
    assert restarts(found) == [True, False]
    assert "gap" not in {row["subtype"] for row in found}


def test_lines_of_a_container_that_logs_to_the_journal(host):
    """Long ones of both streams, mixed and cut by the engine, are whole; bytes are readable."""
    script = (
        "for i in 1 2 3; do head -c 40000 /dev/zero | tr '\\0' a; echo; done & "
        "head -c 20000 /dev/zero | tr '\\0' b >&2; echo >&2; wait; printf 'caf\\351\\n'; echo last"
    )
    image = host.run("docker", "images", "--format={{.Repository}}:{{.Tag}}").split()[0]
    options = ("--name=lines", "--network=none", "--log-driver=journald", "--log-opt=tag=demo")
    host.run("docker", "run", *options, image, "sh", "-c", script)

    async def collect():
        source = reader(host)
        found = await until(source, lambda rows: any(row["message"] == "last" for row in rows))
        await source.close()
        return [row for row in found if row["container_name"] == "lines"]

    found = asyncio.run(collect())
    said = sorted(row["message"] for row in found)
    assert said == sorted([*["a" * 40_000] * 3, "b" * 20_000, "caf\ufffd", "last"])
    assert {json.loads(row["attributes"])["container_tag"] for row in found} == {"demo"}
