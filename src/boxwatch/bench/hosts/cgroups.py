"""One group of processes in every hierarchy of the kernel: cgroup v1 or v2 (cgroups(7))."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault

_ROOT: Final = Path("/sys/fs/cgroup")
# v1, and the hierarchy without controllers that systemd uses beside it for counting processes.
_V1: Final = (
    *("systemd", "memory", "freezer", "pids", "cpuacct", "cpu", "cpuset", "devices", "blkio"),
    "unified",
)
_PATIENCE_S: Final = 20.0


class Group:
    """The processes of one host: counted, frozen and killed together."""

    def __init__(self, name: str) -> None:
        self._unified = (_ROOT / "cgroup.controllers").exists()
        parents = [_ROOT] if self._unified else [_ROOT / kind for kind in _V1]
        self.folders = [parent / name for parent in parents if parent.is_dir()]
        if not self.folders:
            raise EnvironmentFault("No cgroup hierarchy is mounted under /sys/fs/cgroup.")

    @property
    def kinds(self) -> list[str]:
        """The hierarchies a host mounts: `cgroup2` alone, or those of v1."""
        return ["cgroup2"] if self._unified else [path.parent.name for path in self.folders]

    def make(self) -> None:
        """Make the group in every hierarchy.

        Raises:
            EnvironmentFault: the kernel refuses.

        """
        try:
            if self._unified:
                for kind in ("cpu", "memory", "pids", "io"):
                    with contextlib.suppress(OSError):  # one that is not there is not missed
                        (_ROOT / "cgroup.subtree_control").write_text(f"+{kind}")
            for folder in self.folders:
                folder.mkdir(exist_ok=True)
                if folder.parent.name == "cpuset":  # one without cores takes no process
                    for file in ("cpuset.cpus", "cpuset.mems"):
                        (folder / file).write_text((folder.parent / file).read_text())
        except OSError as error:
            raise EnvironmentFault(f"No cgroup can be made here: {error}.") from error

    def join(self) -> None:
        """Put this process into the group; to be called between fork and exec."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def freeze(self, *, frozen: bool) -> None:
        """Stop all processes of the group where they are, or let them go on."""
        if self._unified:
            (self.folders[0] / "cgroup.freeze").write_text(str(int(frozen)))
            return
        folder = self._folder("freezer")
        wanted = "FROZEN" if frozen else "THAWED"
        end = monotonic() + _PATIENCE_S
        (folder / "freezer.state").write_text(wanted)
        while (folder / "freezer.state").read_text().strip() != wanted:
            if monotonic() > end:
                raise EnvironmentFault(f"A group of processes does not become {wanted}.")
            time.sleep(0.01)

    def cpu_s(self, part: str = "") -> float:
        """Processor seconds of the group, or of `part` in it, ended processes included."""
        if self._unified:
            lines = (self.folders[0] / part / "cpu.stat").read_text().splitlines()
            used = dict(line.split() for line in lines)
            return int(used["usage_usec"]) / 1e6
        return int((self._folder("cpuacct") / part / "cpuacct.usage").read_text()) / 1e9

    def pids(self, part: str = "") -> list[int]:
        """The living processes of `part` and below, as this machine numbers them."""
        kinds = self.kinds
        folder = self.folders[kinds.index("unified") if "unified" in kinds else 0]
        found: list[int] = []
        for file in (folder / part).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # a group may end between two looks
                found += map(int, file.read_text().split())
        return found

    @property
    def unified(self) -> bool:
        """Whether the kernel counts by cgroup v2."""
        return self._unified

    def remove(self) -> None:
        """Kill what is left and remove the group."""
        with contextlib.suppress(OSError):
            self.freeze(frozen=False)
        end = monotonic() + _PATIENCE_S
        while self.pids() and monotonic() < end:
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        for folder in self.folders:
            below = sorted(folder.rglob("*/"), key=lambda path: len(path.parts), reverse=True)
            for path in [*below, folder]:
                if path.is_dir():
                    with contextlib.suppress(OSError):  # an empty group is left behind, no more
                        path.rmdir()

    def _folder(self, kind: str) -> Path:
        return next(path for path in self.folders if path.parent.name == kind)
