"""A file system of a few megabytes, to be filled."""

import shutil
import subprocess
from contextlib import contextmanager

MIB = 2**20


class NoDevice(Exception):
    """None can be made here; says why."""


@contextmanager
def small_device(folder, mib):
    """The new folder `folder`, on a file system of its own with `mib` megabytes."""
    mount = shutil.which("mount")
    if mount is None:
        raise NoDevice("mount is not installed")
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={mib * MIB}", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = done.stderr.decode().strip()
        raise NoDevice(f"mounting a small file system needs root: {said}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
