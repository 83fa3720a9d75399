"""What a child process cost, on children whose cost is known."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from boxwatch.bench.footprint import (
    cores,
    cpu_seconds,
    family,
    peak_bytes,
    resident_bytes,
    run,
    start,
    stop,
)
from boxwatch.errors import EnvironmentFault

HOLD = "import sys; block = bytearray(%d); print(len(block), flush=True); sys.stdin.read()"
BURN = "import time\nwhile time.process_time() < %g: pass\n"


def python(code):
    """A command that runs `code`."""
    return [sys.executable, "-c", code]


@pytest.fixture
def holding():
    """A child that holds so many bytes until the test ends."""
    children = []

    def begin(size):
        child = subprocess.Popen(
            python(HOLD % size), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout.readline() == f"{size}\n"
        return child.pid

    yield begin
    for child in children:
        child.communicate()


def test_peak_memory_is_that_of_the_child(tmp_path):
    """400 MB for a moment are seen after the end, by a process that is itself small."""
    child = python("x = bytearray(400_000_000); del x")
    measure = f"run({child!r}, Path({str(tmp_path)!r}), threads=1).peak_bytes"
    code = f"from pathlib import Path; from boxwatch.bench.footprint import run; print({measure})"
    assert 400e6 < int(subprocess.check_output(python(code))) < 600e6


def test_processor_time_includes_children(tmp_path):
    """A child's child that computes for 0.3 s counts."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN % 0.3!r}])"
    done = run(python(code), tmp_path, threads=1)
    assert done.cpu_s >= 0.3
    assert done.wall_s >= 0.3


def test_the_output_comes_back(tmp_path):
    """Standard output whole, however long; the child runs in the folder."""
    done = run(python("import os; print('x' * 200_000, os.getcwd())"), tmp_path, threads=1)
    assert done.output == "x" * 200_000 + f" {tmp_path}\n"


def test_a_child_that_fails_says_why(tmp_path):
    """Its status, and the end of what it complained."""
    with pytest.raises(EnvironmentFault, match="ended with 3") as caught:
        run(python("import sys; sys.stderr.write('no luck'); sys.exit(3)"), tmp_path, threads=1)
    assert caught.value.hint == "no luck"


def test_a_child_that_hangs_is_ended(tmp_path):
    """The limit holds, and no process stays behind."""
    with pytest.raises(EnvironmentFault, match="ended with -9"):
        run(python("import time; time.sleep(60)"), tmp_path, threads=1, limit_s=0.2)


def test_settings_do_not_reach_the_child(tmp_path, monkeypatch):
    """Of our environment it gets the search path only."""
    monkeypatch.setenv("BOXWATCH_LOGGING_LEVEL", "debug")
    done = run(python("import os; print(*sorted(os.environ))"), tmp_path, threads=3)
    assert set(done.output.split()) <= {"PATH", "POLARS_MAX_THREADS", "LC_CTYPE"}


def test_cores_are_given_and_taken_back(tmp_path):
    """One core for the child, then as many as before."""
    before = os.sched_getaffinity(0)
    with cores(1) as count:
        done = run(python("import os; print(len(os.sched_getaffinity(0)))"), tmp_path, threads=1)
    assert (count, done.output) == (1, "1\n")
    assert os.sched_getaffinity(0) == before


def test_threads_started_within_have_the_cores_too():
    """A pool inside the block is bound like the block."""
    with cores(1), ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(os.sched_getaffinity, 0).result()) == 1


def test_memory_of_a_living_child(holding):
    """Peak and present, to within what Python itself needs."""
    pid = holding(200_000_000)
    assert 200e6 < peak_bytes(pid) < 260e6
    assert 200e6 < resident_bytes([pid]) < 260e6


def test_processor_time_of_a_living_family(tmp_path):
    """A grandchild that computes shows up while both live."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN % 30!r}])"
    child = start(python(code), tmp_path, threads=None)
    try:
        deadline = time.monotonic() + 60
        while cpu_seconds(child.pid) < 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert len(family(child.pid)) == 2
    finally:
        for pid in reversed(family(child.pid)):
            os.kill(pid, 9)
        child.wait()


def test_stopping_is_gentle_first(tmp_path):
    """The child may end as Ctrl-C ends it."""
    wait = "print(1, flush=True); time.sleep(60)"
    code = f"import time\ntry: {wait}\nexcept KeyboardInterrupt: exit(7)"
    child = subprocess.Popen(python(code), stdout=subprocess.PIPE)
    child.stdout.readline()
    stop(child)
    child.stdout.close()
    assert child.returncode == 7


@pytest.mark.parametrize("ask", [cpu_seconds, peak_bytes])
def test_nothing_is_made_up_about_a_process_that_is_gone(ask, tmp_path):
    """An error, not a zero."""
    child = start(python(""), tmp_path, threads=1)
    child.wait()
    with pytest.raises(EnvironmentFault, match=f"process {child.pid}"):
        ask(child.pid)
