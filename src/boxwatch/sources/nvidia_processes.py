"""Which processes compute on which card, and the container or unit each belongs to.

nvidia-smi names processes by their PID on the machine; `/proc/PID/cgroup` says whose they are. The
owners of processes that were there before are remembered, so a reading mostly costs one command.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.events.cgroup import Owner, owner_of_process
from boxwatch.sources.source import Shell

_FIELDS: Final = "gpu_uuid,pid,used_gpu_memory,process_name"  # the name last: it may hold commas
_LIMIT_BYTES: Final = 1 << 20
_MOST: Final = 4096  # processes looked at; no machine has more on its cards
_ASIDE_S: Final = 5.0  # what the owners may cost
_OF_PROCESS: Final = re.compile(r"/proc/(\d+)/cgroup:(.*)")

Process = Mapping[str, object]
_Id = tuple[str, str]  # pid and name: a number that was given again has another name, mostly


class Processes:
    """Reads the computing processes of one machine with its tools."""

    def __init__(self, shell: Shell, program: str) -> None:
        self._shell = shell
        self._argv = [program, f"--query-compute-apps={_FIELDS}", "--format=csv,noheader,nounits"]
        self._owners: dict[_Id, Owner] = {}
        self._names: dict[str, str] = {}  # container id -> name, empty where none was found

    async def read(self, limit_s: float) -> dict[str, list[Process]] | None:
        """The processes by the uuid of their card; null where nvidia-smi does not say.

        Raises:
            SourceError: nvidia-smi is missing, refused or hung.

        """
        done = await self._shell.run(self._argv, limit_s=limit_s, limit_bytes=_LIMIT_BYTES)
        if done.status != 0:
            return None
        told = [_cells(line) for line in done.stdout.decode("utf-8", "replace").splitlines()]
        rows = [row for row in told if len(row) == 4][:_MOST]
        await self._learn({(pid, name) for _, pid, _, name in rows if pid.isdecimal()})
        found: dict[str, list[Process]] = {}
        for uuid, pid, memory, name in rows:
            kind, owner = self._owners.get((pid, name), ("", ""))
            process = {
                "pid": int(pid) if pid.isdecimal() else None,
                "name": name,
                "memory_mib": int(memory) if memory.isdecimal() else None,
                "owner_kind": kind,
                "owner": owner,
                "container_name": self._names.get(owner, ""),
            }
            found.setdefault(uuid, []).append(process)
        return found

    async def _learn(self, present: set[_Id]) -> None:
        """Find the owners of processes that are new, and forget those that ended."""
        fresh = {one[0] for one in present - self._owners.keys()}
        groups = await self._cgroups(fresh) if fresh else {}
        self._owners = {
            one: self._owners.get(one, owner_of_process(groups.get(one[0], ""))) for one in present
        }
        containers = {owner for kind, owner in self._owners.values() if kind == "container"}
        self._names = {one: name for one, name in self._names.items() if one in containers}
        for container in sorted(containers - self._names.keys()):
            self._names[container] = await self._name(container)

    async def _cgroups(self, pids: Iterable[str]) -> dict[str, str]:
        """What /proc says of each process; nothing of one that is gone or may not be read."""
        argv = ["grep", "-H", "", *(f"/proc/{pid}/cgroup" for pid in sorted(pids))]
        with contextlib.suppress(SourceError):  # who they belong to stays unknown
            done = await self._shell.run(argv, limit_s=_ASIDE_S, limit_bytes=_LIMIT_BYTES)
            lines = _OF_PROCESS.findall(done.stdout.decode("utf-8", "replace"))
            return {pid: "\n".join(text for one, text in lines if one == pid) for pid, _ in lines}
        return {}

    async def _name(self, container: str) -> str:
        """What its engine calls a container; empty where docker does not know it or may not say."""
        argv = ["docker", "inspect", "--type=container", "--format={{.Name}}", container]
        with contextlib.suppress(SourceError):
            done = await self._shell.run(argv, limit_s=_ASIDE_S, limit_bytes=_LIMIT_BYTES)
            if done.status == 0:
                return done.stdout.decode("utf-8", "replace").strip().lstrip("/")
        return ""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",", 3)]
