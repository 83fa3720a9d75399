"""The text of /proc files as metrics in base units; nonsense as an error, never as a number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.events.metrics import METRICS
from boxwatch.sources import devices, proc_files
from boxwatch.sources.proc_files import HOST_FILES, NOT_UNDERSTOOD

DISK = " 259 0 nvme0n1 100 5 2048 1000 50 6 4096 500 3 700 1500 7 0 0 250 4 50\n"
NET = "h\nh\n eth0: 10 2 1 3 0 0 0 0 20 4 5 7 0 0 0 0\n  lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"


def everything(name):
    """Wants all names."""
    return bool(name)


def test_times_of_cores_and_of_all():
    """Ticks are hundredths; busy is neither idle, waiting nor stolen."""
    text = "cpu  100 0 50 800 30 10 10 20 5 0\ncpu0 60 0 20 400 10 5 5 0 0 0\nprocs_running 3\n"
    values = proc_files.stat(text + "procs_blocked 1\nsoftirq 1\n")
    assert values["cpu_busy_seconds_total"] == 1.7
    assert (values["cpu_iowait_seconds_total"], values["cpu_steal_seconds_total"]) == (0.3, 0.2)
    assert (values["processes_running"], values["processes_blocked"]) == (3, 1)
    assert proc_files.cores(text) == {"0": (90, 500)}


def test_disk_counters_are_in_base_units():
    """Sectors become bytes, milliseconds seconds; discards and flushes count as waits."""
    assert proc_files.diskstats(DISK, everything)["nvme0n1"] == {
        "read_bytes_total": 2048 * 512,
        "written_bytes_total": 4096 * 512,
        "reads_total": 100,
        "writes_total": 50,
        "busy_seconds_total": 0.7,
        "wait_seconds_total": 1.8,
    }


def test_disk_counters_of_an_old_kernel():
    """Before Linux 4.18 there are no discards and no flushes."""
    (disk,) = proc_files.diskstats(" ".join(DISK.split()[:14]), everything).values()
    assert disk["wait_seconds_total"] == 1.5


def test_interfaces_add_up_both_ways():
    """Errors and drops are those of sending and of receiving; unwanted ones are left out."""
    found = proc_files.interfaces(NET, lambda name: name != "lo")
    assert found.keys() == {"eth0"}
    assert (found["eth0"]["errors_total"], found["eth0"]["drops_total"]) == (6, 10)


def test_memory_of_a_kernel_without_huge_pages():
    """No huge pages are none, not unknown; shared, slab and dirty memory are told."""
    names = ("MemTotal", "MemAvailable", "Cached", "Shmem", "Slab", "Dirty", "Writeback")
    text = "".join(f"{name}: {n + 1} kB\n" for n, name in enumerate((*names, "SwapTotal")))
    values = proc_files.meminfo(f"{text}SwapFree: 3 kB\n")
    assert values["memory_huge_pages_bytes"] == 0
    assert (values["memory_shared_bytes"], values["memory_dirty_bytes"]) == (4096, 13 * 1024)
    assert values["swap_used_bytes"] == 5 * 1024


def test_huge_pages_are_counted_by_their_size():
    """HugePages_Total is a number of pages, not of kilobytes."""
    names = ("MemTotal", "MemAvailable", "Cached", "Shmem", "Slab", "Dirty", "Writeback")
    text = "".join(f"{name}: 1 kB\n" for name in (*names, "SwapTotal", "SwapFree"))
    values = proc_files.meminfo(f"{text}HugePages_Total:  4\nHugepagesize: 2048 kB\n")
    assert values["memory_huge_pages_bytes"] == 8 << 20


def test_pressure_of_some_and_of_all():
    """Both lines of a pressure file, in seconds."""
    text = "some avg10=0.00 avg60=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 total=1500000\n"
    assert (proc_files.waited(text), proc_files.stalled(text)) == (2.5, 1.5)


def test_tcp_counts_are_found_by_their_names():
    """The columns of snmp differ between kernels."""
    text = "Tcp: RtoMin OutSegs RetransSegs New\nTcp: 1 900 7 5\n"
    assert proc_files.tcp(text) == {"tcp_segments_sent_total": 900, "tcp_retransmits_total": 7}


def test_a_kernel_before_oom_counts():
    """Linux before 4.13 counts no killed processes: only that is unknown."""
    values = proc_files.host({"proc/vmstat": "pswpin 2\npswpout 3\n"}, {}, 65536)
    assert "not understood" in values["oom_kills_total"]
    assert values["swap_in_bytes_total"] == 2 * 65536


def test_the_page_is_the_smallest_that_is_mapped():
    """Huge pages may be mapped too."""
    text = "KernelPageSize:  2048 kB\nMMUPageSize: 4 kB\nKernelPageSize:  64 kB\n"
    assert proc_files.page_size(text) == 65536


def test_pressure_switched_off_says_so():
    """A kernel booted with psi=0 refuses to read the file."""
    missing = {"proc/pressure/io": "Operation not supported"}
    values = proc_files.host({}, missing, 4096)
    assert values["pressure_io_seconds_total"] == "/proc/pressure/io: Operation not supported"


def test_the_table_names_metrics_that_are_known():
    """Every metric of the table is one of the host's."""
    names = [name for _, names, _ in HOST_FILES for name in names]
    assert all(METRICS[name].entity == "host" for name in names)
    assert len(names) == len(set(names))


@settings(deadline=None)
@given(st.sampled_from([path for path, _, _ in HOST_FILES]), st.text())
def test_no_text_breaks_a_reading(path, text):
    """Whatever stands in a file, every metric has a number or a reason."""
    values = proc_files.host({path: text}, {}, 4096)
    assert values.keys() == {name for _, names, _ in HOST_FILES for name in names}


@settings(deadline=None)
@given(st.text())
def test_no_text_is_taken_for_a_device(text):
    """Nonsense is refused with an error that the caller expects, or gives names with numbers."""
    for read in (proc_files.diskstats, proc_files.interfaces):
        try:
            found = read(text, everything)
        except NOT_UNDERSTOOD:
            continue
        assert all(len(values) == 6 for values in found.values())
    assert isinstance(devices.mounts(text), dict)
    assert devices.room(text).keys() == set(devices.ROOM)


@pytest.mark.parametrize("text", ["1024 0 9\n", "1024\t0\t9223372036854775807\n"])
def test_file_handles(text):
    """In use is what was handed out and not given back."""
    assert proc_files.file_handles(text)["file_handles_open"] == 1024
