"""The same sources through a real sshd: cards, lost ones, hangs, and the kernel's log."""

import os
import shlex
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from boxwatch.sources import KernelOptions, KernelStream, Login, Pauses
from boxwatch.sources.ssh_shell import SshShell

FAKE = Path(__file__).with_name("fake_nvidia_smi.py")
KMSG = Path("/dev/kmsg")


@pytest.fixture
def shell(sshd):
    """A shell on this machine, over SSH."""
    login = Login("127.0.0.1", sshd.port, sshd.user, (sshd.key,), sshd.known_hosts, connect_s=60)
    return SshShell(login)


@pytest.fixture
def remote(sshd, smi, source, shell):
    """Builds a source on the nvidia-smi of that host."""
    command = shlex.join([sys.executable, "-S", str(FAKE), f"{smi.folder}/settings.json"])
    sshd.tool("nvidia-smi", f'exec {command} "$@"')
    return lambda **options: source(shell=shell, program="nvidia-smi", **options)


def test_cards_are_read_over_ssh(remote, watch, rows):
    """Readings and processes come as they do here."""
    reader = remote(processes_every_s=0.05)

    def used(chunks):
        return [row for row in rows(chunks, "gpu_events") if row["what"] == "processes"]

    chunks = watch(reader, (lambda c: len(rows(c, "gpu")) >= 4 and used(c), None))
    assert {row["index"] for row in rows(chunks, "gpu")} == {"0", "1"}
    assert [one["pid"] for one in used(chunks)[0]["processes"]] == [4194303, 4194302]


def test_a_driver_that_hangs_over_there_is_said_of_the_driver(remote, smi, watch, rows):
    """And nothing is left running on that host."""
    chunks = watch(
        remote(quiet_intervals=20),
        (lambda c: len(rows(c, "gpu")) >= 4, lambda: smi.set(mode="hang")),
        (lambda c: any(row["state"] == "hung" for row in rows(c, "status")), None),
    )
    assert {row["temperature.gpu"] for row in rows(chunks, "gpu")} == {"40", "41"}


def test_the_kernel_log_is_followed_over_ssh(shell, watch, rows):
    """A line written while the log of that host is read comes once."""
    if not os.access(KMSG, os.R_OK | os.W_OK):
        pytest.skip("/dev/kmsg cannot be read and written by this user")
    mark = f"boxwatch test {uuid4()}"
    source = KernelStream(shell, "box", None, KernelOptions(pauses=Pauses(0.1, 1.0)))

    def marks(chunks):
        return [row for row in rows(chunks, "kernel") if row["message"] == mark]

    chunks = watch(
        source,
        (lambda c: rows(c, "status"), lambda: KMSG.write_text(f"<3>{mark}\n")),
        (marks, None),
    )
    assert [row["priority"] for row in marks(chunks)] == [3]
