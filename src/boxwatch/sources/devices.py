"""Which disks, file systems, interfaces and sensors are real; and reading the slow ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from boxwatch.sources.proc_files import Values, read

# Local file systems: statvfs on a network one may never return.
_LOCAL: Final = frozenset(
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs"]
) | {"vfat", "exfat", "ntfs", "ntfs3", "ufs"}
_DISK_NAME: Final = re.compile(r"(?:sd|vd|xvd|hd)[a-z]+|nvme\d+n\d+|mmcblk\d+")
_NO_DISK: Final = re.compile(r"(?:loop|ram|zram|sr|fd|dm-|md|nbd|mtd)\d*|mmcblk\d+(?:boot|rpmb).*")


def disks(names: Iterable[str], sys: Path) -> frozenset[str]:
    """Whole disks among block device names.

    Partitions, and what is stacked on other disks, would count the same traffic twice.
    """
    block = sys / "block"
    if not block.is_dir():
        return frozenset(name for name in names if _DISK_NAME.fullmatch(name))
    return frozenset(
        name
        for name in names
        if not _NO_DISK.fullmatch(name) and (block / name / "device").exists()
    )


def file_systems(mounts: Mapping[str, tuple[str, str]]) -> list[str]:
    """Mount points of local file systems, each device once, at its shortest mount point.

    An overlay counts only as the root: then it is what a container sees of its disk.
    """
    chosen: dict[str, str] = {}
    for point in sorted(mounts, key=lambda point: (len(point), point)):
        device, kind = mounts[point]
        if kind in _LOCAL or (kind == "overlay" and point == "/"):
            chosen.setdefault(device, point)
    return sorted(chosen.values())


def links(names: Iterable[str], sys: Path) -> frozenset[str]:
    """Interfaces backed by hardware; where there is none (a container), all but the loopback.

    Bridges, bonds, tunnels and veth pairs carry traffic that the hardware counts already.
    """
    others = [name for name in names if name != "lo"]
    real = frozenset(name for name in others if (sys / "class/net" / name / "device").exists())
    return real if real else frozenset(others)


def sensors(sys: Path) -> dict[str, Path]:
    """Temperature inputs by name, `chip/label`; thermal zones where no chip has one.

    The files hold thousandths of a degree (Documentation/hwmon/sysfs-interface).
    """
    chips = sorted((sys / "class/hwmon").glob("hwmon*"))
    names = [_text(chip / "name", chip.name) for chip in chips]
    found = {}
    for chip, name in zip(chips, names, strict=True):
        unique = name if names.count(name) == 1 else f"{name}-{_device(chip)}"
        for file in sorted(chip.glob("temp*_input")):
            label = _text(file.with_name(file.name.replace("_input", "_label")), file.name[:-6])
            found[f"{unique}/{label}"] = file
    if found:
        return found
    zones = sorted((sys / "class/thermal").glob("thermal_zone*"))
    kinds = [_text(zone / "type", zone.name) for zone in zones]
    return {
        kind if kinds.count(kind) == 1 else f"{kind}-{zone.name}": zone / "temp"
        for zone, kind in zip(zones, kinds, strict=True)
    }


def room(point: str) -> Values:
    """Size and room of the file system at `point`; may block for ever."""
    try:
        found = os.statvfs(point)
    except OSError as error:
        return unknown_room(f"statvfs: {error.strerror}")
    return {
        "size_bytes": found.f_blocks * found.f_frsize,
        "available_bytes": found.f_bavail * found.f_frsize,
        "inodes": found.f_files,
        "inodes_free": found.f_ffree,
    }


def unknown_room(reason: str) -> Values:
    """What `room` says where it is not known."""
    return dict.fromkeys(("size_bytes", "available_bytes", "inodes", "inodes_free"), reason)


def temperature(file: Path) -> Values:
    """The reading of one sensor; a chip may answer slowly or not at all."""
    try:
        return {"sensor_celsius": int(read(file)) / 1000}
    except OSError as error:
        return {"sensor_celsius": f"{error.strerror}"}
    except ValueError:
        return {"sensor_celsius": "not a number"}


def _text(file: Path, default: str) -> str:
    try:
        return read(file).strip() or default
    except OSError:
        return default


def _device(chip: Path) -> str:
    device = chip / "device"
    return os.path.basename(os.path.realpath(device)) if device.exists() else chip.name
