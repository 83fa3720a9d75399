"""What goes wrong in the lines of services, in a real journal: found, and told in plain words.

Nobody waits for hours: systemd-journal-remote writes a journal file of four hours, entries with
their times, as journald would have; journalctl reads it, and all that follows is as in watching.
"""

import asyncio
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.wiring.command import well

from boxwatch import wiring
from boxwatch.events import normalise
from boxwatch.events.schema import concat
from boxwatch.settings import Settings
from boxwatch.sources import JournaldSource, JournalOptions, LocalShell
from boxwatch.store import EventStore

REMOTE = Path("/lib/systemd/systemd-journal-remote")
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOURS = 4.0
END = 3600 * HOURS
PATIENCE_S = 120
# When each thing goes wrong, and for how long: far enough apart to be things of their own.
NEW, BURST, ORDER, MISSING, SILENCE = END - 6000, END - 4500, END - 3000, END - 1900, END - 900


def every(seconds, unit, text, begin=0.0, end=END, *, priority=6):
    """The same line again and again: (second, unit, text, priority)."""
    count = int((end - begin) / seconds)
    return [(begin + seconds * n, unit, text.format(n), priority) for n in range(count)]


def story():
    """Five services that do their work, and what goes wrong with each."""
    lines = every(10, "db", "checkpoint {} complete")
    lines += every(5, "api", "GET /v1/models 200 {}")
    lines += every(10, "model", "health check {} answered")
    lines += every(10, "web", "page {}", end=SILENCE)
    lines += every(7, "queue", "job {} done")
    lines += every(20, "queue", "purged {} jobs that are too old", end=MISSING)
    lines += every(1500, "api", "error: upstream closed connection {}", 300, BURST, priority=3)
    lines += every(60, "db", "error: page {} has a wrong checksum", NEW, NEW + 600, priority=3)
    lines += every(4, "api", "error: upstream closed connection {}", BURST, BURST + 600, priority=3)
    for begin, _, text, _ in every(120, "model", "loading model {}", 60):
        lines.append((begin, "model", text, 6))
        if not ORDER <= begin < ORDER + 1200:
            lines.append((begin + 9, "model", text.replace("loading", "loaded"), 6))
    return sorted(lines)


def write(file):
    """The story as a journal file."""
    t = int(START.timestamp() * 1e6)
    entries = "".join(
        f"__REALTIME_TIMESTAMP={t + round(at * 1e6)}\n"
        f"__MONOTONIC_TIMESTAMP={round(at * 1e6) + 1}\n_BOOT_ID={'b' * 32}\n_HOSTNAME=box\n"
        f"_MACHINE_ID={'e' * 32}\n_TRANSPORT=stdout\n_SYSTEMD_UNIT={unit}.service\n_PID=7\n"
        f"SYSLOG_IDENTIFIER={unit}\nPRIORITY={priority}\nMESSAGE={text}\n\n"
        for at, unit, text, priority in story()
    )
    argv = [REMOTE, f"--output={file}", "-"]
    subprocess.run(argv, input=entries.encode(), check=True, capture_output=True)


async def read(folder):
    """All that journalctl gives of the journals in `folder`."""
    since = datetime(2020, 1, 1, tzinfo=UTC)
    options = JournalOptions(follow=False, since=since, arguments=(f"--directory={folder}",))
    source = JournaldSource(LocalShell(), "box", None, options)
    chunks = []
    async with asyncio.timeout(PATIENCE_S):
        while not source.done:
            chunks += await source.read()
            await asyncio.sleep(0.01)
    await source.close()
    return concat([normalise(chunk) for chunk in chunks if chunk.kind == "systemd"])


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The data folder after all of it was judged."""
    if not REMOTE.exists():
        pytest.skip("systemd-journal-remote is not on this machine")
    folder = tmp_path_factory.mktemp("journal")
    write(folder / "box.journal")
    events = asyncio.run(read(folder))
    data = tmp_path_factory.mktemp("watched") / "data"
    with EventStore.open(data, writable=True) as store:
        store.append(events, START + timedelta(seconds=END + 30), {})
    wiring.detect(Settings(), data, silent)
    return data


def silent(step, done, total):
    """Nobody looks on."""


def about(data, unit):
    """The only incident of `unit`."""
    (found,) = [one for one in wiring.incidents(data) if one.entity == f"service:{unit}"]
    return found


@pytest.mark.parametrize(
    ("unit", "begin", "title", "why"),
    [
        ("db", NEW, "db reports an error never seen before", "seen 0 times in 2.3 h"),
        ("api", BURST, "api repeats an error far more often than usual", "times an hour over 2 h"),
        ("model", ORDER + 60, "model begins something and does not end it", "follows `loading"),
        ("queue", MISSING - 20, "queue no longer writes a line", "never more than 20 s or 3 lines"),
        ("web", SILENCE, "web stopped logging", "web has written nothing for"),
    ],
)
def test_what_goes_wrong_is_an_incident_a_person_understands(watched, unit, begin, title, why):
    """On the right service, from when it began, with what is unusual in numbers."""
    found = about(watched, unit)
    assert found.title.startswith(title)
    assert why in found.causes[0].why
    assert abs((found.start - START).total_seconds() - begin) <= 130


def test_nothing_else_is_told(watched):
    """Four hours of ordinary lines are no incident."""
    assert len(wiring.incidents(watched)) == 5


def test_the_report_shows_what_stands_around_it(watched):
    """The load that did not end, between other lines of the same service."""
    text = wiring.report(watched, about(watched, "model"), "markdown")
    assert re.search(r"\n> \d\d:\d\d:00 model.service: loading model", text)
    assert re.search(r"\n  \d\d:\d\d:00 model.service: health check", text)


def test_show_prints_the_lines(watched):
    """What a person sees in the terminal: the finding in numbers, then its lines."""
    text = well("incidents", "show", about(watched, "model").id, "--data", watched).out
    assert "missing 10 times" in text.replace("\n", " ")
    assert text.count("model.service: loading model") >= 2
