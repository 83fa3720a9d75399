"""`boxwatch up` as a process to be measured or killed: on this machine, or inside a small host."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from boxwatch.bench.footprint import COMMAND
from boxwatch.bench.hosts import Host, Site
from boxwatch.clock import monotonic
from boxwatch.errors import Defect, EnvironmentFault, StoreError
from boxwatch.store import EventStore

_PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.5  # between two looks into the store


class Collector:
    """A watcher with a folder of its own: its settings, its data, what it said.

    It watches hosts over SSH from their site, or, where `inside` is given, that host from within.
    """

    def __init__(self, folder: Path, settings: str, site: Site, inside: Host | None = None) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._site = site
        self._inside = inside
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        (folder / "boxwatch.toml").write_text(settings)

    @property
    def pid(self) -> int:
        """Of the running watcher, as this machine numbers it.

        Raises:
            EnvironmentFault: it is not running.

        """
        self.check()
        process = self._process
        if process is None:
            raise Defect("`boxwatch up` was never started.")
        if self._inside is None:
            return process.pid
        # nsenter(1) forks to enter the host's process numbers: the watcher is its child.
        end = monotonic() + _PATIENCE_S
        while monotonic() < end and process.poll() is None:
            text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            if text:
                return int(text.split()[0])
            time.sleep(0.01)
        raise EnvironmentFault("`boxwatch up` did not start.", hint=self.said()[-2000:].strip())

    def check(self) -> None:
        """See that it still runs.

        Raises:
            EnvironmentFault: it ended by itself.

        """
        if self._process is None or self._process.poll() is not None:
            raise EnvironmentFault(
                "`boxwatch up` ended by itself.", hint=self.said()[-2000:].strip()
            )

    def said(self) -> str:
        """What it wrote to its standard error, in all its lives."""
        path = self._folder / "said"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Begin to watch, where it stopped last."""
        argv = [*COMMAND, "up", "--json"]
        path = f"PATH={os.pathsep.join(os.get_exec_path())}"
        if self._inside is None:
            folder = self._folder
            argv = self._site.inside("env", "-i", "-C", str(folder), path, *argv)
        else:
            folder = self.seen_inside(self._inside, self._folder)
            argv = self._inside.argv("env", "-i", "-C", str(folder), path, *argv)
        argv += ["--data", str(folder / "data"), "--config", str(folder / "boxwatch.toml")]
        with (self._folder / "said").open("ab") as said, (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=said, start_new_session=True
            )

    def wait_until_reading(self) -> None:
        """Until it has stored what it read first.

        Raises:
            EnvironmentFault: it ended, or took too long.

        """
        end = monotonic() + _PATIENCE_S
        while monotonic() < end:
            self.check()
            # An error: the folder is being made.
            with suppress(StoreError), EventStore.open(self.data, writable=False) as store:
                if store.head().seq > 0:
                    return
            time.sleep(0.05)
        raise EnvironmentFault("`boxwatch up` stored nothing.", hint=self.said()[-2000:].strip())

    def wait_until_found(
        self, count: Callable[[EventStore], int], wanted: int, what: str, limit_s: float = 120.0
    ) -> None:
        """Until `count` of its store reaches `wanted`; `what` is counted, for the error.

        Raises:
            EnvironmentFault: it ended, or took longer than `limit_s`.

        """
        end = monotonic() + limit_s
        while True:
            self.check()
            with EventStore.open(self.data, writable=False) as store:
                found = count(store)
            if found >= wanted:
                return
            if monotonic() > end:
                raise EnvironmentFault(
                    f"Of {wanted} {what} only {found} came within {limit_s:g} s.",
                    hint=self.said()[-1000:].strip(),
                )
            time.sleep(_LOOK_S)

    def kill(self) -> None:
        """End it without a word, and what it started here."""
        pid = self.pid
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        if self._process is None or self._process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    @staticmethod
    def seen_inside(host: Host, path: Path) -> Path:
        """Where a path below the host's home folders is found on the host itself."""
        return Path("/home") / path.relative_to(host.folder / "home")


def host_settings(
    site: Site, hosts: Iterable[Host], more: str = "", *, numbered: bool = False
) -> str:
    """The settings of a watcher that watches `hosts` over SSH; `more` stands before them.

    `numbered`: the same host may occur several times, and each is called by its number.
    """
    tables = [
        f'[[hosts]]\nname = "{f"host-{number}" if numbered else host.name}"\n'
        f'address = "{host.url}"\nkey = "{site.key}"\nknown_hosts = "{site.known_hosts}"\n'
        for number, host in enumerate(hosts, 1)
    ]
    return "\n".join([more, *tables])
