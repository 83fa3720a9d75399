"""Who owns a process: the container or the unit that a cgroup path names.

Docker, podman, containerd, CRI-O and Kubernetes put each container in a cgroup named after its
full id; systemd names cgroups after units (systemd.slice(5),
https://systemd.io/CGROUP_DELEGATION/). A process inside a container belongs to the container, even
where a systemd runs in there: only the outermost name is known on this machine.
"""

from __future__ import annotations

import re
from typing import Final, Literal

OwnerKind = Literal["container", "unit", ""]
Owner = tuple[OwnerKind, str]

_NOBODY: Final[Owner] = ("", "")
# `docker-<id>.scope`, `cri-containerd-<id>.scope`, `<slice>:cri-containerd:<id>`, `libpod-<id>`,
# or the id alone; ECS names containers by 32 digits and a number. What only minds a container
# (`libpod-conmon-<id>.scope`) is a unit.
_CONTAINER: Final = re.compile(
    r"(?!.*conmon)(?:.*[-:])?(?P<id>(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32}-\d{1,12}))(?:\.scope)?"
)
_LXC: Final = re.compile(r"lxc\.payload[./](?P<name>[^/]+)")
_UNIT: Final = re.compile(r".+\.(?:service|scope|socket|mount|swap)", re.DOTALL)
_USER_MANAGER: Final = re.compile(r"user@\d+\.service")
_TELLING: Final = ("", "name=systemd")  # the hierarchies in which systemd keeps its units


def owner_of(path: str) -> Owner:
    """The owner that a cgroup path names, whatever else stands around it.

    Args:
        path: A cgroup path such as `/system.slice/docker-<id>.scope`; any text is allowed.

    Returns:
        `("container", full id)`, or the name where the engine uses names (LXC); `("unit", name)`
        with its suffix, of a user's units the unit itself and not the user's manager; `("", "")`
        where the path names neither, as the root, a bare slice or the login shell's slice do.
    """
    unit = ""
    for part in path.split("/"):
        container = _CONTAINER.fullmatch(part)
        if container is not None:
            return "container", container["id"]
        payload = _LXC.fullmatch(part)
        if payload is not None:
            return "container", payload["name"]
        name = part.removeprefix("_")  # cgroup names that would collide are so escaped
        if _UNIT.fullmatch(name) and (not unit or _USER_MANAGER.fullmatch(unit)):
            unit = unit if name == "init.scope" and unit else name
    return ("unit", unit) if unit else _NOBODY


def owner_of_process(text: str) -> Owner:
    """The owner of a process, from what `/proc/PID/cgroup` says (cgroups(7)).

    With cgroup v1 a process stands in many hierarchies: a container in any of them is the owner,
    else the unit in systemd's own; text without one says nothing.
    """
    units: list[Owner] = []
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        owner = owner_of(path)
        if owner[0] == "container":
            return owner
        if owner[0] and controllers in _TELLING:
            units.append(owner)
    return units[0] if units else _NOBODY
