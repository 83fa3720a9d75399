"""What a child process cost: wall time, processor time, memory.

Figures about a command are taken from the command itself, in a process of its own, as a person
would run it: with start-up, with its own settings only, in a folder of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boxwatch.clock import monotonic
from boxwatch.errors import EnvironmentFault

COMMAND: Final = (sys.executable, "-m", "boxwatch")

_KIB: Final = 1024  # the unit of ru_maxrss on Linux, getrusage(2), and of /proc/PID/status
_TICKS_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a finished process printed and cost, children it waited for included.

    `peak_bytes` is not less than what this process itself holds: Linux counts what a process was
    before its program was loaded.
    """

    output: str
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(
    argv: Sequence[str], folder: Path, threads: int | None, limit_s: float = 600.0
) -> Footprint:
    """Run a command to its end in `folder`, Polars with so many threads (None: as it likes).

    Raises:
        EnvironmentFault: it failed, or took longer than `limit_s`.

    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as notes:
        began = monotonic()
        process = start(argv, folder, threads, out.fileno(), notes.fileno())
        late = threading.Timer(limit_s, process.kill)
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            late.cancel()
        wall_s = monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise EnvironmentFault(
                f"{' '.join(argv)!r} ended with {process.returncode} after {wall_s:.1f} s.",
                hint=_text(notes.fileno())[-2000:].strip(),
            )
        cpu_s = usage.ru_utime + usage.ru_stime
        return Footprint(_text(out.fileno()), wall_s, cpu_s, usage.ru_maxrss * _KIB)


def start(
    argv: Sequence[str],
    folder: Path,
    threads: int | None,
    out: int = subprocess.DEVNULL,
    notes: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a command in `folder`; of our environment it gets the search path, so no settings."""
    environment = {"PATH": os.pathsep.join(os.get_exec_path())}
    if threads is not None:
        environment["POLARS_MAX_THREADS"] = str(threads)
    return subprocess.Popen(
        argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=notes
    )


@contextmanager
def cores(most: int) -> Iterator[int]:
    """So many cores at most for this thread and what it starts; gives how many there are."""
    before = os.sched_getaffinity(0)
    chosen = sorted(before)[:most]
    os.sched_setaffinity(0, chosen)
    try:
        yield len(chosen)
    finally:
        os.sched_setaffinity(0, before)


def stop(process: subprocess.Popen[bytes], patience_s: float = 20.0) -> None:
    """End a process as Ctrl-C would, or kill it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """The process and all its living descendants; proc_pid_task(5)."""
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in _read(task).split()]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children, living or waited for; proc_pid_stat(5).

    It only grows: what a living child used passes to its parent when that waits for it.

    Raises:
        EnvironmentFault: there is no such process, or no /proc.

    """
    _alive(pid)
    total = 0
    for member in family(pid):
        text = _read(Path(f"/proc/{member}/stat"))
        # The name, in parentheses, may hold spaces; utime is the 12th field after it.
        fields = text.rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS_S


def peak_bytes(pid: int) -> int:
    """The most memory a process has held at one time (VmHWM); proc_pid_status(5).

    Raises:
        EnvironmentFault: there is no such process, or no /proc.

    """
    _alive(pid)
    return _status(pid, "VmHWM")


def resident_bytes(pids: Sequence[int]) -> int:
    """What these processes hold now (VmRSS), pages they share counted for each."""
    return sum(_status(pid, "VmRSS") for pid in pids)


def _status(pid: int, field: str) -> int:
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * _KIB
    return 0


def _alive(pid: int) -> None:
    if not Path(f"/proc/{pid}/stat").exists():
        raise EnvironmentFault(
            f"Nothing can be read about process {pid}: it ended, or there is no /proc.",
            hint="This figure can only be measured on Linux.",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a child may end between two looks
        return ""


def _text(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read().decode("utf-8", "replace")
