"""Short looks into a journal: its last entry, the first one from some place on, its matches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources.journald_boots import shutdown_matches, told_to_stop
from boxwatch.sources.journald_marks import last_entry
from boxwatch.sources.outbox import first_line
from boxwatch.sources.patience import patient
from boxwatch.sources.source import Shell

DENIED_HINT: Final = (
    "Add the user to the group systemd-journal (`sudo usermod -aG systemd-journal $USER`) "
    "and log in again."
)
ABSENT_HINT: Final = "This machine does not seem to run systemd-journald; nothing to read here."
OTHERS: Final = b"not seeing messages from other users"
LOOK_S: Final = 30.0  # a cold journal of many gigabytes takes seconds to open


class JournalLooks:
    """Runs `journalctl` for a moment. `arguments` go to each, such as `--directory=DIR`.

    What comes back are rows as `journalctl -o json` prints them, with the fields that tell where
    an entry stands and what it is about, not what it says.

    `partial` is True where this user sees not all of the journal.

    Every look raises SourceError where journalctl is missing (absent), refused (denied), hung or
    fails.
    """

    _FIELDS: Final = "_BOOT_ID,_MACHINE_ID,MESSAGE_ID,UNIT"

    def __init__(self, shell: Shell, arguments: Sequence[str]) -> None:
        self.partial = False
        self._shell = shell
        self._command = (
            "journalctl",
            "--output=json",
            f"--output-fields={self._FIELDS}",
            "--no-pager",
            "--merge",
            *arguments,
        )

    async def last(self, *matches: str, most: int = 1) -> bytes:
        """The last `most` entries that match."""
        return await self._run(f"--lines={most}", *matches)

    async def at(self, cursor: str) -> bytes:
        """The entry of `cursor`, or the next one that is left."""
        return await self._run(f"--cursor={cursor}", "--lines=1")

    async def first(self, *arguments: str) -> bytes:
        """The first of the entries that `arguments` select."""
        stream = self._shell.stream((*self._command, *arguments))
        async with aclosing(patient(stream, LOOK_S, LOOK_S)) as outputs:
            async for output in outputs:
                if not output.error and (rows := _rows(output.data)):
                    return rows[: rows.index(b"\n") + 1]
        return b""

    async def shut_down(self, boot: str) -> bool | None:
        """Whether a boot that is over was told to end; None if nobody can tell any more.

        Raises nothing: a look that fails tells nothing.
        """
        try:
            left = last_entry(await self.last(f"_BOOT_ID={boot}"))
            signs = await self.last(*shutdown_matches(boot), most=100)
        except SourceError:
            return None
        return None if left is None else told_to_stop(signs, left[1])

    async def _run(self, *arguments: str) -> bytes:
        done = await self._shell.run((*self._command, *arguments), limit_s=LOOK_S)
        if done.status is None:
            raise SourceError(f"journalctl did not answer in {LOOK_S:g} s.", state="hung")
        self.partial = OTHERS in done.stderr
        if b"insufficient permissions" in done.stderr:
            raise SourceError(first_line(done.stderr), hint=DENIED_HINT, state="denied")
        if done.status != 0 and b"No journal files" in done.stderr:
            raise SourceError("No journal files were found.", hint=ABSENT_HINT, state="absent")
        if done.status != 0:
            raise SourceError(first_line(done.stderr) or f"journalctl ended with {done.status}.")
        return _rows(done.stdout)


def _rows(stdout: bytes) -> bytes:
    """What is a row of what journalctl printed; that there is none, it may say in words."""
    return b"".join(line for line in stdout.splitlines(True) if line.startswith(b"{"))
