"""An nvidia-smi that does not even die: it is left alone, not started again, and said."""

import contextlib
import time
import uuid
from pathlib import Path

import pytest

from boxwatch.sources import LocalShell

FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.fixture
def icebox():
    """A freezer control group: what is frozen in it does not die of SIGKILL.

    So it behaves like a process that waits for a driver inside the kernel.
    """
    group = FREEZER / f"boxwatch-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no freezer control group (version 1) can be made here: {error}")
    if not (group / "freezer.state").exists():
        group.rmdir()
        pytest.skip("the freezer control group here is not version 1")
    yield group
    (group / "freezer.state").write_text("THAWED")
    deadline = time.monotonic() + 30
    while group.exists() and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            group.rmdir()
        time.sleep(0.02)


class Stuck:
    """An nvidia-smi that freezes when it is started, until `thaw`."""

    def __init__(self, frozen, icebox):
        self._frozen = frozen
        self._icebox = icebox
        frozen.touch()

    def processes(self):
        """Those that are frozen."""
        return (self._icebox / "cgroup.procs").read_text().split()

    def thaw(self):
        """Let it die, and freeze no more."""
        self._frozen.unlink()
        (self._icebox / "freezer.state").write_text("THAWED")


@pytest.fixture
def stuck(smi, icebox):
    """The nvidia-smi of the source freezes."""
    script = smi.program.read_text().replace("#!/bin/sh\n", "")
    frozen = smi.folder / "frozen"
    freeze = f"echo $$ > {icebox}/cgroup.procs; echo FROZEN > {icebox}/freezer.state"
    smi.program.write_text(f"#!/bin/sh\nif [ -e {frozen} ]; then {freeze}; fi\n{script}")
    return Stuck(frozen, icebox)


def test_one_that_ignores_being_killed_is_left_alone(stuck, source, watch, rows):
    """Hung, with one process however often it is tried; once that ends, reading goes on."""
    tried = []

    def again(_):
        tried.append(0)
        return len(tried) > 50

    reader = source(shell=LocalShell(kill_wait_s=0.1), first_row_s=0.5)
    processes = []
    chunks = watch(
        reader,
        (lambda c: rows(c, "status"), None),
        (again, lambda: processes.append(stuck.processes())),
        (lambda _: True, stuck.thaw),
        (lambda c: rows(c, "gpu"), None),
    )
    assert [row["state"] for row in rows(chunks, "status")] == ["hung", "ok"]
    assert len(processes[0]) == 1
