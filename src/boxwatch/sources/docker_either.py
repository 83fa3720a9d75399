"""The engine of another machine: over its socket where that is let through, else its command."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from boxwatch.errors import SourceError
from boxwatch.sources.docker_engine import Engine, Record
from boxwatch.sources.source import Output


class EitherEngine:
    """Two ways to one Docker engine; implements `Engine`.

    The first is taken where it answers, at every count of the containers anew. Over SSH the socket
    needs no process on the other side, where each `docker logs` takes some 25 MB and one of the
    few sessions of a connection; but a server may forbid forwarding, or a key.
    """

    def __init__(self, first: Engine, second: Engine) -> None:
        self._first = first
        self._second = second
        self._chosen = first

    @property
    def disorder_s(self) -> float:
        """That of the less orderly: what one left, the other may read on."""
        return max(self._first.disorder_s, self._second.disorder_s)

    @property
    def tail(self) -> int:
        """That of the way taken."""
        return self._chosen.tail

    async def containers(self) -> Mapping[str, bool]:
        """See `Engine.containers`; the failure is that of the second way.

        Raises:
            SourceError: neither way leads to the engine.

        """
        try:
            found = await self._first.containers()
        except SourceError as error:
            if error.state == "hung":
                raise
        else:
            self._chosen = self._first
            return found
        found = await self._second.containers()
        self._chosen = self._second
        return found

    async def inspect(self, container_id: str) -> Record:
        """See `Engine.inspect`."""
        return await self._chosen.inspect(container_id)

    def logs(
        self, container_id: str, since: str, *, follow: bool, tail: int = 0
    ) -> AsyncGenerator[Output, None]:
        """See `Engine.logs`."""
        return self._chosen.logs(container_id, since, follow=follow, tail=tail)

    def events(self, since: str, until: str = "") -> AsyncGenerator[bytes, None]:
        """See `Engine.events`."""
        return self._chosen.events(since, until)
