"""The program nvidia-smi: which fields it knows, and whether it answers at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources.capability import Capability
from boxwatch.sources.nvidia_fields import choose
from boxwatch.sources.outbox import first_line
from boxwatch.sources.source import Completed, Shell

FAILING_HINT: Final = "See `dmesg | grep -i nvrm`; a driver that does not load cannot be read."
HINTS: Final[Mapping[str, str]] = {
    "absent": "Install the NVIDIA driver if this machine has an NVIDIA GPU.",
    "hung": "The driver does not answer. See `dmesg | grep -i xid`; a reboot may be needed.",
}
LIMIT_BYTES: Final = 1 << 20  # a help text has 40 KB, a reading of 16 cards 20 KB
_PROBE_S: Final = 5.0


class Tool:
    """nvidia-smi on one machine, asked one thing at a time."""

    def __init__(self, shell: Shell, program: str) -> None:
        self._shell = shell
        self._program = program

    async def fields(self, limit_s: float, refused: Collection[str] = ()) -> list[str]:
        """The fields to ask for, without those it `refused`.

        Raises:
            SourceError: nvidia-smi is missing, refused, hung or failing.

        """
        done = await self._ask(["--help-query-gpu"], limit_s)
        fields = choose(done.stdout.decode("utf-8", "replace"), refused)
        if "index" not in fields:
            said = first_line(done.stdout) or first_line(done.stderr) or "it lists no fields"
            raise SourceError(f"nvidia-smi: {said}", hint=FAILING_HINT)
        return fields

    async def probe(self) -> Capability:
        """Whether it is here and answers within five seconds, with the names of the cards."""
        try:
            fields = await self.fields(_PROBE_S)
            done = await self._ask(["--query-gpu=name", "--format=csv,noheader"], _PROBE_S)
        except SourceError as error:
            hint = HINTS.get(error.state, error.hint)
            return Capability("nvidia-smi", error.state, error.message, hint)
        if done.status != 0:
            said = first_line(done.stdout) or first_line(done.stderr)
            return Capability("nvidia-smi", "failing", said, FAILING_HINT)
        names = ", ".join(done.stdout.decode("utf-8", "replace").split("\n")).strip(", ")
        return Capability("nvidia-smi", "ok", f"{names}; {len(fields)} fields.")

    async def _ask(self, arguments: Sequence[str], limit_s: float) -> Completed:
        argv = [self._program, *arguments]
        done = await self._shell.run(argv, limit_s=limit_s, limit_bytes=LIMIT_BYTES)
        if done.flooded:
            raise SourceError(f"nvidia-smi floods: more than {LIMIT_BYTES >> 10} KiB at once.")
        if done.status is None:
            raise SourceError(f"nvidia-smi did not answer in {limit_s:g} s.", state="hung")
        return done
