"""Containers that write numbered lines to both of their streams."""

from __future__ import annotations

import io
import shutil
import tarfile
import time
from pathlib import Path
from typing import Final

from boxwatch.bench.hosts import Host
from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault

IMAGE: Final = "local/chaos:1"
_COMMANDS: Final = ("sh", "sleep", "tail", "usleep")
_BURST_S: Final = 0.1
_PATIENCE_S: Final = 60.0
# Odd numbers go to standard error. `wait` lets the trap run; the last line tells the ledger.
_SCRIPT: Final = """
trap 'stop=1' TERM
n=0
while [ -z "$stop" ]; do
  k=0
  while [ $k -lt {burst} ]; do
    echo "container {name} $n request took $((n * 7919 % 977)) ms"
    n=$((n+1))
    echo "container {name} $n request failed after $((n * 7919 % 977)) ms" >&2
    n=$((n+1))
    k=$((k+2))
  done
  usleep {pause_us} & wait $!
done
echo "ledger {name} $n"
"""


def load_image(host: Host) -> None:
    """Give the host's engine an image with nothing but busybox.

    Raises:
        EnvironmentFault: there is no busybox on this machine, or the engine refuses.

    """
    binary = shutil.which("busybox")
    if binary is None:
        raise EnvironmentFault("busybox is not on this machine.", hint="Install busybox-static.")
    _wait_for_engine(host)
    argv = ("docker", "import", "--change", "ENV PATH=/bin", "-", IMAGE)
    host.run(*argv, data=_root(Path(binary).read_bytes()))


def run_container(host: Host, name: str, rate: float) -> None:
    """Start a container that writes `rate` lines a second until it is stopped."""
    burst = max(2, round(rate * _BURST_S / 2) * 2)
    script = _SCRIPT.format(name=name, burst=burst, pause_us=int(burst / rate * 1e6))
    argv = ("docker", "run", "--detach", "--network=none", f"--name={name}", IMAGE)
    host.run(*argv, "sh", "-c", script)


def _wait_for_engine(host: Host) -> None:
    end = monotonic() + _PATIENCE_S
    while True:
        try:
            host.run("docker", "version")
        except EnvironmentFault:
            if monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _root(binary: bytes) -> bytes:
    """A tar of a root file system."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(binary), 0o755
        tar.addfile(entry, io.BytesIO(binary))
        for name in _COMMANDS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()
