"""Hosts of the settings become sources: by key, over SSH, without one delaying another."""

import asyncio
import json
import subprocess
import sys

import pytest

from boxwatch.settings import load
from boxwatch.wiring import check_hosts
from boxwatch.wiring.hosts import gone, login_of
from boxwatch.wiring.reading import sources

LONG = 60.0
STOOD = {"cursor": "x", "realtime_us": 1, "boots": []}


@pytest.fixture
def configured(tmp_path, sshd):
    """Settings with hosts: (name, text of more keys) each at the same sshd, or as `text` says."""

    def make(*hosts):
        tables = [
            f'[[hosts]]\nname = "{name}"\naddress = "{sshd.target}"\nkey = "{sshd.key}"\n'
            f'known_hosts = "{sshd.known_hosts}"\n{more}\n'
            for name, more in hosts
        ]
        file = tmp_path / "boxwatch.toml"
        file.write_text("\n".join(tables))
        return load(file, environ={})

    return make


def test_without_hosts_the_keys_are_plain_names():
    """This machine alone: nothing is different from ever, and there is no line."""
    made = sources(load(environ={}), {})
    assert {"journald", "docker", "nvidia", "host", "kernel"} <= set(made)
    assert not any("/" in key or key == "ssh" for key in made)


def test_each_core_is_read_where_it_is_wanted():
    """A row for each core of this machine, off unless set."""

    async def entities(environ) -> set[str]:
        source = sources(load(environ=environ), {})["host"]
        rows: list[dict[str, object]] = []
        try:
            async with asyncio.timeout(LONG):
                while not any("cpu_busiest_core_ratio" in row for row in rows):
                    chunks = [chunk for chunk in await source.read() if chunk.kind == "host"]
                    rows += [json.loads(o) for one in chunks for o in one.lines.splitlines()]
                    await asyncio.sleep(0.05)
        finally:
            await source.close()
        return {str(row["entity"]).partition(":")[0] for row in rows}

    assert "cpu" not in asyncio.run(entities({}))
    assert "cpu" in asyncio.run(entities({"BOXWATCH_SOURCES__HOST__EACH_CORE": "true"}))


def test_the_keys_name_the_host(configured):
    """Each host has its line and its sources under its own name."""
    made = sources(configured(("a", ""), ("b", 'sources = ["host"]')), {})
    assert {"a/ssh", "a/journald", "a/host", "a/docker", "a/nvidia", "a/kernel"} <= set(made)
    assert {key for key in made if key.startswith("b/")} == {"b/ssh", "b/host"}


def test_files_of_a_host_are_read_there(configured, tmp_path, sshd):
    """Over its own line, with its name."""
    log = tmp_path / "app.log"
    log.write_text("old\n")
    settings = configured(("a", 'sources = ["files"]'))
    chosen = settings.data_collection.model_copy(update={"files": (str(log),)})
    made = sources(settings.model_copy(update={"data_collection": chosen}), {})

    async def first_row() -> dict[str, object]:
        try:
            async with asyncio.timeout(LONG):
                while True:
                    chunks = [c for one in made.values() for c in await one.read()]
                    if made["a/files"].position() and log.read_text() == "old\n":
                        log.write_text("old\nnew\n")
                    rows = [chunk.lines for chunk in chunks if chunk.kind == "file"]
                    if rows:
                        return json.loads(rows[0])
                    await asyncio.sleep(0.05)
        finally:
            await asyncio.gather(*(source.close() for source in made.values()))

    row = asyncio.run(first_row())
    assert (row["host"], row["path"], row["message"]) == ("a", str(log), "new")


def test_a_source_stands_where_its_own_key_says(configured):
    """Positions of one host are not those of another."""
    made = sources(configured(("a", ""), ("b", "")), {"a/journald": STOOD})
    assert made["a/journald"].position() != made["b/journald"].position()


def test_this_machine_goes_on_where_it_stood_before_hosts_were_configured(tmp_path):
    """A local host without a position of its own takes that of the plain name."""
    file = tmp_path / "boxwatch.toml"
    file.write_text('[[hosts]]\nname = "me"\naddress = "local"\n')
    settings = load(file, environ={})
    plain = sources(load(environ={}), {"journald": STOOD})["journald"].position()
    assert sources(settings, {"journald": STOOD})["me/journald"].position() == plain
    assert sources(settings, {})["me/journald"].position() != plain


def test_a_host_that_was_taken_out_says_so_once(configured):
    """Its line is told absent, so that nothing waits for it; not again at the next start."""
    settings = configured(("a", ""))
    assert gone(settings, {"a/ssh": {}, "old/ssh": {}, "old/journald": {}}) == ["old"]
    source = sources(settings, {"old/ssh": {}})["old/ssh"]
    (chunk,) = asyncio.run(source.read())
    row = json.loads(chunk.lines)
    assert (row["host"], row["source"], row["state"]) == ("old", "ssh", "absent")
    assert gone(settings, {"old/ssh": source.position()}) == []


def test_files_of_a_host_are_resolved(configured, tmp_path, sshd):
    """Key and known hosts come from the settings, known hosts beside them by default."""
    settings = configured(("a", ""))
    login = login_of(settings, settings.hosts[0])
    assert (login.keys, login.known_hosts) == ((sshd.key,), sshd.known_hosts)
    bare = settings.hosts[0].model_copy(update={"known_hosts": None})
    assert login_of(settings, bare).known_hosts == tmp_path / "known_hosts"


def test_every_host_says_what_it_offers(configured, sshd):
    """The line, and each source, by host."""
    found = check_hosts(configured(("a", ""), ("b", 'sources = ["host"]')), None)
    state = {(one.host, one.name): one.state for one in found}
    assert (state["a", "ssh"], state["b", "ssh"], state["b", "host"]) == ("ok", "ok", "ok")
    assert ("a", "journald") in state


def test_a_host_that_is_down_says_only_that(configured, sshd):
    """The line is failing, and the sources are not asked to say the same."""
    settings = configured(("a", ""))
    sshd.stop()
    (found,) = check_hosts(settings, "a")
    assert (found.host, found.name, found.state) == ("a", "ssh", "failing")


def test_nobody_pays_for_ssh_without_hosts():
    """The library loads with the first host that needs it."""
    script = (
        "import sys; from boxwatch.settings import load; from boxwatch.wiring.reading import "
        "sources; sources(load(environ={}), {}); sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def _until(reading, enough):
    """Read all sources until `enough(chunks)`, as the feed does, then close them."""
    chunks = []
    try:
        async with asyncio.timeout(LONG):
            while not enough(chunks):
                for read in await asyncio.gather(*(one.read() for one in reading.values())):
                    chunks += read
                await asyncio.sleep(0.05)
    finally:
        await asyncio.gather(*(one.close() for one in reading.values()))
    return chunks


def test_readings_come_from_every_host_and_nothing_stays_behind(configured, sshd):
    """Two hosts are read at once, each row under its own name; then the other side is clean."""
    reading = sources(configured(("a", 'sources = ["host"]'), ("b", 'sources = ["host"]')), {})

    def both(chunks):
        return {"a", "b"} <= {chunk.host for chunk in chunks if b"cpu_cores" in chunk.lines}

    asyncio.run(_until(reading, both))
    sshd.wait_until_empty()


def test_a_host_that_is_not_there_does_not_delay_the_others(configured, sshd, tmp_path):
    """One that cannot be reached is told of; the other is read meanwhile."""
    settings = configured(("a", 'sources = ["host"]'), ("b", 'sources = ["host"]'))
    dead = settings.hosts[1].model_copy(update={"address": "ssh://nobody@127.0.0.1:1"})
    settings = settings.model_copy(update={"hosts": (settings.hosts[0], dead)})

    def enough(chunks):
        told = any(one.host == "b" and b'"failing"' in one.lines for one in chunks)
        return told and any(one.host == "a" and b"cpu_cores" in one.lines for one in chunks)

    asyncio.run(_until(sources(settings, {}), enough))
