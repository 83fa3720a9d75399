"""Which disks, file systems and interfaces of a machine are real, and how much room there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from boxwatch.sources.host_reader import unescaped
from boxwatch.sources.proc_files import Values, number

ROOM: Final = ("size_bytes", "available_bytes", "inodes", "inodes_free")

_LOCAL: Final = frozenset(
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs"]
) | {"vfat", "exfat", "ntfs", "ntfs3", "ufs"}
# What models and data sets lie on elsewhere; asking for their room may never come back.
_FAR: Final = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "lustre", "ceph", "beegfs", "gpfs", "wekafs", "glusterfs"]
) | {f"fuse.{name}" for name in ("sshfs", "glusterfs", "juicefs", "s3fs", "rclone", "ceph")}
_MOST_FAR: Final = 16  # each is asked by a process or thread of its own
_DISK_NAME: Final = re.compile(r"(?:sd|vd|xvd|hd)[a-z]+|nvme\d+n\d+|mmcblk\d+")
_NO_DISK: Final = re.compile(r"(?:loop|ram|zram|sr|fd|dm-|md|nbd|mtd)\d*|mmcblk\d+(?:boot|rpmb).*")


def is_disk(name: str, backed: frozenset[str] | None) -> bool:
    """Whether the block device `name` is a whole disk.

    Partitions, and what is stacked on other disks, would count the same traffic twice. `backed`
    are the block devices with hardware behind them; None where /sys does not show them.
    """
    if backed is None:
        return _DISK_NAME.fullmatch(name) is not None
    return name in backed and not _NO_DISK.fullmatch(name)


def is_link(name: str, backed: frozenset[str]) -> bool:
    """Whether the interface `name` counts: one with hardware; where none has, all but the loopback.

    Bridges, bonds, tunnels and veth pairs carry traffic that the hardware counts already.
    """
    return name in backed if backed else name != "lo"


def owners(listed: str) -> frozenset[str]:
    """The names in the paths `sys/<kind>/<name>/device` of a listing."""
    return frozenset(path.split("/")[-2] for path in listed.split() if path.count("/") > 1)


def mounts(text: str) -> dict[str, tuple[str, str]]:
    """Mount point, escaped as it is written -> device and type, from /proc/mounts.

    The last mount on a point counts; lines that are no mount are left out.
    """
    found = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) > 2 and parts[1].startswith("/"):
            found[parts[1]] = (parts[0], parts[2])
    return found


def local_points(found: Mapping[str, tuple[str, str]]) -> list[str]:
    """Mount points of local file systems, each device once, at its shortest mount point.

    An overlay counts only as the root: then it is what a container sees of its disk.
    """
    return _once(
        found, (p for p, (_, kind) in found.items() if kind in _LOCAL or (kind, p) == _CONTAINER)
    )


def far_points(found: Mapping[str, tuple[str, str]]) -> list[str]:
    """Mount points of file systems of other machines, each device once, sixteen at most."""
    return _once(found, (point for point, (_, kind) in found.items() if kind in _FAR))[:_MOST_FAR]


_CONTAINER: Final = ("overlay", "/")


def _once(found: Mapping[str, tuple[str, str]], points: Iterable[str]) -> list[str]:
    chosen: dict[str, str] = {}
    for point in sorted(points, key=lambda point: (len(unescaped(point)), point)):
        chosen.setdefault(found[point][0], point)
    return sorted(chosen.values())


def room(said: str) -> Values:
    """Size and room of a file system, from the answer to `$point`; else the reason in it."""
    try:
        block, blocks, available, inodes, free = map(number, said.split())
    except ValueError:
        said = said.strip().rpartition(": ")[2] or "no answer"
        return dict.fromkeys(ROOM, f"statvfs: {said[:200]}")
    return {
        "size_bytes": blocks * block,
        "available_bytes": available * block,
        "inodes": inodes,
        "inodes_free": free,
    }
