"""The questions put to the docker command line, and what its complaints mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from boxwatch.errors import SourceError
from boxwatch.sources.outbox import first_line
from boxwatch.sources.source import Completed, Shell

DENIED_HINT: Final = (
    "Add the user to the group docker (`sudo usermod -aG docker $USER`) and log in again; "
    "the group is as good as root."
)
ABSENT_HINT: Final = "Install Docker, or start it: `sudo systemctl start docker`."
_LIMIT_S: Final = 20.0
_AT_ONCE: Final = 100  # containers in one inspect
_FORMAT: Final = (
    '{"id":{{json .Id}},"name":{{json .Name}},"driver":{{json .HostConfig.LogConfig.Type}},'
    '"running":{{json .State.Running}},"finished":{{json .State.FinishedAt}}}'
)


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the engine describes it; `finished` is RFC 3339 text."""

    container_id: str
    name: str
    log_driver: str
    running: bool
    finished: str


class DockerCli:
    """`docker` behind a shell; `arguments` go before every command, such as `--host=URL`."""

    def __init__(self, shell: Shell, program: str, arguments: Sequence[str]) -> None:
        self.shell = shell
        self._command = (program, *arguments)

    def argv(self, *arguments: str) -> list[str]:
        """The command line for `arguments`."""
        return [*self._command, *arguments]

    async def containers(self) -> list[Container]:
        """All containers, running or not.

        Raises:
            SourceError: the command is missing, refused, or the engine does not answer.

        """
        done = await self._run("ps", "--all", "--quiet", "--no-trunc")
        ids = done.stdout.decode("ascii", "replace").split()
        found = []
        for start in range(0, len(ids), _AT_ONCE):
            found += await self.inspect(ids[start : start + _AT_ONCE])
        return found

    async def inspect(self, ids: Sequence[str]) -> list[Container]:
        """Those containers of `ids` that still exist."""
        argv = self.argv("inspect", "--type=container", f"--format={_FORMAT}", *ids)
        done = await self.shell.run(argv, limit_s=_LIMIT_S)
        found = []
        for line in done.stdout.splitlines():
            if line.startswith(b"{"):
                record = orjson.loads(line)
                found.append(
                    Container(
                        record["id"],
                        record["name"].removeprefix("/"),
                        record["driver"],
                        record["running"],
                        record["finished"],
                    )
                )
        return found

    async def version(self) -> str:
        """The engine's version.

        Raises:
            SourceError: as `containers`.

        """
        done = await self._run("version", "--format={{.Server.Version}}")
        return done.stdout.decode("utf-8", "replace").strip()

    async def _run(self, *arguments: str) -> Completed:
        done = await self.shell.run(self.argv(*arguments), limit_s=_LIMIT_S)
        if done.status is None:
            raise SourceError(f"docker did not answer in {_LIMIT_S:g} s.", state="hung")
        if done.status != 0:
            raise refusal(done.stderr)
        return done


def refusal(complaint: bytes) -> SourceError:
    """What docker's complaint means."""
    said = first_line(complaint) or "docker ended without a word"
    if b"permission denied" in complaint:
        return SourceError(said, hint=DENIED_HINT, state="denied")
    if b"Cannot connect" in complaint or b"daemon running" in complaint:
        return SourceError(said, hint=ABSENT_HINT, state="absent")
    return SourceError(said)
