"""What is asked of a machine's /proc and /sys, and the reader that answers on this machine.

An item is one thing to ask for; its answer is text under the item's name:

    proc/stat              the file, named by its path; `*` stands for many, each under its own path
    proc/stat~cpu|procs    its lines that begin with this pattern (only where that saves a transfer)
    ?sys/block/*/device    the paths that are there, a line each
    >sys/block/*/device    the same, each with the last part of where the link leads
    ^proc                  the folder's count of links: the number of processes with a constant
    #proc                  processes, zombies, other folders and links of /proc, all counted
    $/mnt                  of a file system: block size, blocks, free ones, inodes, free ones

Paths are relative to the root; patterns hold no white space and read alike in Perl, Python and awk.
"""

from __future__ import annotations

import asyncio
import glob
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from boxwatch.clock import Clock, SystemClock
from boxwatch.errors import SourceError
from boxwatch.sources.patience import Bystander

Errand = tuple[str, ...]

_PROMPT_S: Final = 0.1  # what an errand takes where nothing is wrong; waited for
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Request:
    """Items to read at once, and errands: items of which one may take long or never come back.

    Each errand runs aside. What it brings is part of this answer or of a later one, wholly; one
    that is still under way is not begun again.
    """

    items: tuple[str, ...] = ()
    errands: tuple[Errand, ...] = ()


@dataclass(slots=True)
class Answer:
    """What was found by name, and why the rest was not.

    `taken` and `monotonic` are the clocks of the machine that was read, when reading began.
    """

    taken: datetime
    monotonic: float
    found: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def take(self, item: str, read: Callable[[], str]) -> None:
        """Put what `read` gives under `item`, or why it fails."""
        try:
            self.found[item] = read()
        except OSError as error:
            self.missing[item] = f"{error.strerror}"


class Reader(Protocol):
    """Answers for one machine."""

    async def ask(self, request: Request) -> Answer:
        """The answer to `request`.

        Raises:
            SourceError: the machine cannot be read.

        """
        ...

    async def close(self) -> None:
        """Let go of the machine."""
        ...


class LocalReader:
    """Reads this machine directly; implements `Reader`. No process is started.

    `root` is where /proc, /sys and the mount points are found: another folder where the machine's
    own root is mounted into a container.
    """

    def __init__(self, root: Path = Path("/"), clock: Clock | None = None) -> None:
        self._root = root
        self._clock = SystemClock() if clock is None else clock
        self._idle: list[Bystander[Answer]] = []
        self._under_way: dict[Errand, asyncio.Task[Answer]] = {}

    async def ask(self, request: Request) -> Answer:
        """The answer to `request`.

        Raises:
            SourceError: this machine has no /proc.

        """
        if not (self._root / "proc").is_dir():
            raise SourceError(
                f"{self._root / 'proc'} is not here.",
                hint="Host metrics need Linux.",
                state="absent",
            )
        answer = Answer(self._clock.now(), time.monotonic())
        look_up(answer, request.items, self._root)
        for errand in request.errands:
            if errand not in self._under_way:
                self._under_way[errand] = asyncio.create_task(self._run(errand))
        if self._under_way:
            await asyncio.wait(
                self._under_way.values(), timeout=_PROMPT_S if request.errands else 0
            )
        for errand, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[errand]
                answer.found.update(task.result().found)
                answer.missing.update(task.result().missing)
        return answer

    async def close(self) -> None:
        """Leave behind what does not come back."""
        for task in self._under_way.values():
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=1)
        self._under_way.clear()
        for aside in self._idle:
            aside.close()

    async def _run(self, errand: Errand) -> Answer:
        aside = self._idle.pop() if self._idle else Bystander[Answer]("boxwatch-errand")
        answer = Answer(self._clock.now(), time.monotonic())

        def read() -> Answer:
            look_up(answer, errand, self._root)
            return answer

        try:
            result = await aside.call(read, math.inf)
        except BaseException:
            aside.close()
            raise
        self._idle.append(aside)
        return result


def look_up(answer: Answer, items: Errand, root: Path) -> None:
    """Put the answer to each of `items` into `answer`; may block for ever."""
    top = str(root).rstrip("/")
    for item in items:
        special = _SPECIAL.get(item[0])
        if special is not None:
            answer.take(item, lambda read=special, arg=item[1:]: read(top, arg))  # type: ignore[misc]
            continue
        for path in _paths(top, item.partition("~")[0]):
            answer.take(path, lambda path=path: read_text(f"{top}/{path}"))  # type: ignore[misc]


def read_text(path: str | Path) -> str:
    """The text of a /proc or /sys file; raises OSError where it cannot be read."""
    file = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(file, 65536):
            parts.append(part)
    finally:
        os.close(file)
    return b"".join(parts).decode("utf-8", "backslashreplace")


def unescaped(point: str) -> str:
    """A mount point as /proc/mounts writes it, with its octal escapes undone (fstab(5))."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), point)


def _paths(top: str, pattern: str) -> Iterator[str]:
    if "*" not in pattern:
        yield pattern
        return
    for path in sorted(glob.iglob(f"{top}/{pattern}")):
        yield path[len(top) + 1 :]


def _listed(top: str, pattern: str) -> str:
    return "".join(f"{path}\n" for path in _paths(top, pattern) if os.path.exists(f"{top}/{path}"))


def _led(top: str, pattern: str) -> str:
    ends = {path: os.path.realpath(f"{top}/{path}") for path in _paths(top, pattern)}
    return "".join(f"{path} {os.path.basename(end)}\n" for path, end in ends.items())


def _links(top: str, folder: str) -> str:
    return str(os.stat(f"{top}/{folder}").st_nlink)


def _census(top: str, folder: str) -> str:
    processes = zombies = others = 0
    for entry in os.scandir(f"{top}/{folder}"):
        if not entry.name.isdigit():
            others += entry.is_dir(follow_symlinks=False)
            continue
        processes += 1
        try:
            state = read_text(f"{entry.path}/stat").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        zombies += bool(state) and state[0] == "Z"
    return f"{processes} {zombies} {others} {_links(top, folder)}"


def _room(top: str, point: str) -> str:
    room = os.statvfs(f"{top}{unescaped(point)}")
    return f"{room.f_frsize} {room.f_blocks} {room.f_bavail} {room.f_files} {room.f_ffree}"


_SPECIAL: Final[Mapping[str, Callable[[str, str], str]]] = {
    "?": _listed,
    ">": _led,
    "^": _links,
    "#": _census,
    "$": _room,
}
