"""The seam to a container engine: four questions, asked over its socket or its command line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final, Protocol

from boxwatch.errors import SourceError
from boxwatch.sources.source import Output

DENIED_HINT: Final = (
    "Add the user to the group docker (`sudo usermod -aG docker $USER`) and log in again. "
    "The group is as good as root: a proxy of the socket that lets only GET through is enough, "
    "and can be named as the socket."
)
ABSENT_HINT: Final = "Install Docker, or start it: `sudo systemctl start docker`."
LIMIT_S: Final = 20.0  # for an answer that has an end
AT_ONCE: Final = 8  # questions to one engine

Record = Mapping[str, Any]  # one container as `docker inspect` describes it, or a part of that


class Engine(Protocol):
    """A Docker engine, or one that speaks as it does (podman).

    Failures are `SourceError`s. Of `containers` the state says what the engine is: absent, denied,
    failing or hung. Of the others, `absent` is a container that is gone, and `denied` a log that
    cannot be read; whether the engine is gone, `containers` tells.
    """

    disorder_s: float  # how much older a line may be than a line of the other stream before it
    tail: int  # lines from the end that are cheaper than a search by time; 0 if none are

    async def containers(self) -> Mapping[str, bool]:
        """The full id of every container, and whether it runs."""
        ...

    async def inspect(self, container_id: str) -> Record:
        """What the engine knows of a container; at least the fields of `container_state`."""
        ...

    def logs(
        self, container_id: str, since: str, *, follow: bool, tail: int = 0
    ) -> AsyncGenerator[Output, None]:
        """Whole lines, each after its time stamp and a blank; a line of several parts is one.

        From `since` (RFC 3339) on; empty is from the first, or from the last `tail` lines.
        """
        ...

    def events(self, since: str, until: str = "") -> AsyncGenerator[bytes, None]:
        """Whole lines, an event in JSON each, from `since` (seconds and nanoseconds) on.

        Those that happened before `since` and are still held come first. Ends at `until`, if given.
        """
        ...


# What happens to containers and their images. What is run inside a container (health checks, every
# few seconds) is left out, and so is what only surrounds it.
EVENTS: Final[Sequence[str]] = (
    "create",
    "delete",
    "destroy",
    "die",
    "health_status",
    "import",
    "kill",
    "load",
    "oom",
    "pause",
    "pull",
    "reload",
    "remove",
    "rename",
    "restart",
    "start",
    "stop",
    "tag",
    "unpause",
    "update",
)


def refusal(complaint: str) -> SourceError:
    """What the engine's or its command's complaint means."""
    if "permission denied" in complaint:
        return SourceError(complaint, hint=DENIED_HINT, state="denied")
    if "does not support reading" in complaint:
        return SourceError(complaint, state="denied")
    gone = ("No such container", "no such container", "marked for removal")
    if any(words in complaint for words in gone):
        return SourceError(complaint, state="absent")
    if "Cannot connect" in complaint or "daemon running" in complaint:
        return SourceError(complaint, hint=ABSENT_HINT, state="absent")
    return SourceError(complaint)
