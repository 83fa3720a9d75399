"""Processes that do not even die of SIGKILL, as those that wait for a driver inside the kernel."""

import contextlib
import time
import uuid
from pathlib import Path

FREEZER = Path("/sys/fs/cgroup/freezer")


class Icebox:
    """A freezer control group (version 1): what is frozen in it stays until it is thawed.

    `freeze` is shell text with which a command puts itself in and freezes.
    """

    def __init__(self, folder):
        self._folder = folder
        self.freeze = f"echo $$ > {folder}/cgroup.procs; echo FROZEN > {folder}/freezer.state"

    def processes(self):
        """The numbers of those that are in it."""
        return (self._folder / "cgroup.procs").read_text().split()

    def thaw(self):
        """Let what is in it go on, or die."""
        (self._folder / "freezer.state").write_text("THAWED")

    def remove(self):
        """Take the group away once all that was in it has ended."""
        self.thaw()
        deadline = time.monotonic() + 60
        while self._folder.exists():
            assert time.monotonic() < deadline, f"{self.processes()} do not end"
            with contextlib.suppress(OSError):
                self._folder.rmdir()
            time.sleep(0.02)


def make_icebox():
    """An empty one, or the reason why none can be made here."""
    folder = FREEZER / f"boxwatch-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError as error:
        return f"no freezer control group (version 1) can be made here: {error}"
    if not (folder / "freezer.state").exists():
        folder.rmdir()
        return "the freezer control group here is not version 1"
    return Icebox(folder)
