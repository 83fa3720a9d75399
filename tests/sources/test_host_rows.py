"""What a host is asked, when, and what its answers become."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.events import RawChunk, normalise
from boxwatch.sources import sensors
from boxwatch.sources.host_questions import CENSUS, LINKS, MOUNTS
from boxwatch.sources.host_reader import Answer
from boxwatch.sources.host_rows import HostRows


@pytest.fixture
def turn():
    """Ask `rows` at a time and answer with `found`; the rows that follow."""

    def take(rows, now, found=None, missing=None):
        rows.request(now)
        at = datetime(2026, 3, 1, tzinfo=UTC)
        return rows.rows(Answer(at, float(now), dict(found or {}), dict(missing or {})))

    return take


def stat(*cores):
    """/proc/stat of cores with (busy, idle) ticks."""
    lines = [f"cpu{n} {busy} 0 0 {idle} 0 0 0 0 0 0" for n, (busy, idle) in enumerate(cores)]
    return {"proc/stat": "\n".join(["cpu  1 1 1 1 1 1 1 1 1 1", *lines, "procs_running 1"])}


def test_the_busiest_core_is_seen_among_idle_ones(turn):
    """One core at its limit is no tenth of a percent of a large machine."""
    rows = HostRows()
    turn(rows, 0, stat((0, 100), (0, 100)))
    host = turn(rows, 4, stat((400, 100), (10, 490)))["host"]
    assert (host["cpu_busiest_core_ratio"], host["cpu_cores_saturated"]) == (1.0, 1)
    assert host["cpu_cores"] == 2


def test_single_cores_are_rows_only_on_request(turn):
    """128 rows a reading are for who wants them."""
    for each_core, entities in ((False, {"host"}), (True, {"host", "cpu:0"})):
        rows = HostRows(each_core=each_core)
        turn(rows, 0, stat((0, 100)))
        assert turn(rows, 4, stat((50, 150))).keys() == entities


def test_a_core_whose_times_fell_is_left_out(turn):
    """A core taken off and on again begins anew; no share below nought or above one."""
    rows = HostRows()
    turn(rows, 0, stat((500, 500), (0, 100)))
    host = turn(rows, 4, stat((1, 1), (50, 150)))["host"]
    assert host["cpu_busiest_core_ratio"] == 0.5


def test_processes_are_counted_by_the_links_of_proc(turn):
    """A count now and then gives the constant; from then on the links tell the processes."""
    rows = HostRows()
    host = turn(rows, 0, {CENSUS: "120 3 9 131", LINKS: "131"})["host"]
    assert (host["processes_alive"], host["processes_zombie"]) == (120, 3)
    assert turn(rows, 1, {LINKS: "231"})["host"]["processes_alive"] == 220


def test_links_of_a_container_are_not_its_processes(turn):
    """In a container /proc has a link for each process of the whole machine."""
    rows = HostRows()
    turn(rows, 0, {CENSUS: "5 0 9 900"})
    assert "processes_alive" not in turn(rows, 1, {LINKS: "901"})["host"]


def test_a_file_system_that_does_not_answer_is_unknown(turn):
    """Asked again in vain: the reason has the time; the others go on."""
    rows = HostRows()
    turn(rows, 0, {MOUNTS: "/dev/sda1 / ext4 rw\nnas:/x /mnt nfs rw\n"})
    told = turn(rows, 1, {"$/": "4096 100 50 10 5", "$/mnt": "4096 100 50 10 5"})
    assert told["fs:/mnt"]["size_bytes"] == 409600
    turn(rows, 5, {"$/": "4096 100 50 10 5"})
    told = turn(rows, 9, {"$/": "4096 100 50 10 5"})
    assert told["fs:/mnt"]["size_bytes"] == "statvfs: no answer for 4 s"
    assert told["fs:/"]["size_bytes"] == 409600


def test_what_was_known_and_is_not_any_more_is_told_every_time(turn):
    """A sensor that breaks is news each time; one that never worked is not."""
    rows = HostRows()
    turn(rows, 0, {"proc/loadavg": "1 2 3 1/99 7"})
    for now in (1, 2):
        host = turn(rows, now, missing={"proc/loadavg": "Input/output error"})["host"]
        assert host["load1"] == "/proc/loadavg: Input/output error"
        assert "pressure_io_seconds_total" not in host


def test_limits_and_memory_errors_are_told_with_the_survey(turn):
    """Controllers are added up; connection tracking that is not loaded is no metric."""
    edac = "sys/devices/system/edac/mc/mc"
    found = {f"{edac}0/ce_count": "3\n", f"{edac}1/ce_count": "4\n", f"{edac}0/ue_count": "1\n"}
    tracked = "proc/sys/net/netfilter/nf_conntrack_count"
    missing = {tracked: "No such file or directory"}
    host = turn(HostRows(), 0, {**found, "proc/sys/fs/file-nr": "9 0 99"}, missing)["host"]
    assert host["memory_errors_corrected_total"] == 7
    assert host["memory_errors_uncorrected_total"] == 1
    assert (host["file_handles_open"], host["file_handles_limit"]) == (9, 99)
    assert "conntrack_entries" not in host


def test_slow_things_are_asked_slowly():
    """Within a minute of readings: two surveys, one count of processes."""
    rows = HostRows()
    asked = [rows.request(float(now)) for now in range(60)]
    assert sum(MOUNTS in request.items for request in asked) == 2
    assert sum((CENSUS,) in request.errands for request in asked) == 1
    assert sum("proc/loadavg" in request.items for request in asked) == 60


CHIP = "sys/class/hwmon/hwmon0"
NAMES = [
    *(item.partition("~")[0] for item in HostRows().request(0.0).items),
    *(*sensors.SURVEY, CENSUS, "$/", f"{CHIP}/name", f"{CHIP}/temp1_input", f"{CHIP}/temp1_label"),
]
TEXT = st.one_of(
    st.text(), st.lists(st.integers(-5, 10**30).map(str)).map(" ".join), st.just("9" * 5000)
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), TEXT), min_size=1, max_size=4))
def test_no_answer_breaks_the_source(answers):
    """Whatever a machine answers becomes rows that can be written down and read."""
    rows = HostRows(each_core=True)
    for now, found in enumerate([{MOUNTS: "/dev/sda1 / ext4 rw"}, *answers]):
        rows.request(float(4 * now))
        told = rows.rows(Answer(datetime(2026, 3, 1, tzinfo=UTC), float(now), found))
        at = {"host": "box", "collected_at": "2026-03-01T00:00:00Z"}
        lines = [orjson.dumps({**at, "entity": name, **told[name]}) for name in told]
        events = normalise(RawChunk("host", b"\n".join(lines), "box", "test"))
        assert events.samples.height == sum(len(values) for values in told.values())
