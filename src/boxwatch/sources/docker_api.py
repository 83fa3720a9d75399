"""The Docker Engine API over its socket (https://docs.docker.com/reference/api/engine/).

No command is started: what is followed costs one connection, and nothing while it is quiet.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import httpcore
import orjson

from boxwatch.errors import SourceError
from boxwatch.sources.docker_engine import (
    ABSENT_HINT,
    AT_ONCE,
    DENIED_HINT,
    EVENTS,
    LIMIT_S,
    Record,
    refusal,
)
from boxwatch.sources.docker_frames import Frames
from boxwatch.sources.lines import Lines
from boxwatch.sources.source import Output

SOCKET: Final = "/var/run/docker.sock"

_READ_BYTES: Final = 1 << 16
_ANSWER_BYTES: Final = 64 << 20  # more is no answer about containers


class Reader(Protocol):
    """Where the bytes of a connection come from, as asyncio and asyncssh offer it."""

    async def read(self, n: int = -1) -> bytes:
        """At most `n` bytes; empty at the end."""
        ...


class Writer(Protocol):
    """Where the bytes of a connection go to, as asyncio and asyncssh offer it."""

    def write(self, data: bytes) -> None:
        """Send `data`."""
        ...

    async def drain(self) -> None:
        """Wait until there is room."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...

    async def wait_closed(self) -> None:
        """Wait until it has ended."""
        ...


Dial = Callable[[str], Awaitable[tuple[Reader, Writer]]]


async def dial_here(path: str) -> tuple[Reader, Writer]:
    """A connection to the Unix socket `path` of this machine."""
    return await asyncio.open_unix_connection(path)


class ApiEngine:
    """A Docker engine, asked over its socket; implements `Engine`.

    `dial` connects to the socket's path: on this machine, or through a connection to another one.
    """

    disorder_s = 10.0  # both streams come over one connection, in the order of the log
    tail = 2000

    def __init__(self, socket: str = SOCKET, dial: Dial = dial_here) -> None:
        self._socket = socket
        self._dial = dial
        self._room = asyncio.Semaphore(AT_ONCE)

    async def containers(self) -> dict[str, bool]:
        """The full id of every container, and whether it runs.

        Raises:
            SourceError: absent, denied, failing or hung, as the engine is.

        """
        found = await self._answer("/containers/json?all=1")
        if not isinstance(found, list):
            raise SourceError(f"{self._socket!r} does not answer as a Docker engine does.")
        return {str(each["Id"]): each.get("State") in _ALIVE for each in found}

    async def inspect(self, container_id: str) -> Record:
        """What the engine knows of a container.

        Raises:
            SourceError: absent if there is no such container.

        """
        found: Record = await self._answer(f"/containers/{quote(container_id)}/json")
        return found

    async def logs(
        self, container_id: str, since: str, *, follow: bool, tail: int = 0
    ) -> AsyncGenerator[Output, None]:
        """See `Engine.logs`."""
        asked: dict[str, object] = {
            "stdout": 1,
            "stderr": 1,
            "timestamps": 1,
            "follow": int(follow),
        }
        if since:
            asked["since"] = _unix(since)
        if tail:
            asked["tail"] = tail
        frames = Frames()
        path = f"/containers/{quote(container_id)}/logs?{urlencode(asked)}"
        async with contextlib.aclosing(self._stream(path)) as stream:
            async for data in stream:
                for output in frames.feed(data):
                    yield output

    async def events(self, since: str, until: str = "") -> AsyncGenerator[bytes, None]:
        """See `Engine.events`."""
        asked = {"since": since, "filters": orjson.dumps({"event": EVENTS}).decode()}
        if until:
            asked["until"] = until
        lines = Lines()
        async with contextlib.aclosing(self._stream(f"/events?{urlencode(asked)}")) as stream:
            async for data in stream:
                if whole := lines.feed(data):
                    yield whole

    async def _answer(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        answer = bytearray()
        try:
            async with (
                self._room,
                asyncio.timeout(LIMIT_S),
                contextlib.aclosing(self._stream(path)) as stream,
            ):
                async for data in stream:
                    answer += data
                    if len(answer) > _ANSWER_BYTES:
                        raise SourceError(f"Docker's answer to {path!r} has no end.")
            return orjson.loads(answer)
        except TimeoutError as error:
            raise SourceError(f"Docker did not answer in {LIMIT_S:g} s.", state="hung") from error
        except orjson.JSONDecodeError as error:
            raise SourceError(f"Docker's answer to {path!r} is no JSON: {error}.") from error

    async def _stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """The body of the answer to a GET, as it comes.

        A connection for each: they are cheap, and a stream left early never blocks another.
        """
        wires = _Wires(self._socket, self._dial)
        try:
            async with (
                httpcore.AsyncConnectionPool(
                    max_keepalive_connections=0, network_backend=wires
                ) as pool,
                pool.stream("GET", f"http://docker{path}", headers=_HEADERS) as answer,
            ):
                if answer.status >= 400:
                    raise _refused(answer.status, await answer.aread())
                async for data in answer.aiter_stream():
                    yield data
        except (httpcore.ProtocolError, httpcore.NetworkError, OSError) as error:
            raise SourceError(f"The connection to Docker ended: {error!r}.") from error


_HEADERS: Final[Sequence[tuple[bytes | str, bytes | str]]] = (
    ("Host", "docker"),
    ("User-Agent", "boxwatch"),
)
_ALIVE: Final = ("running", "paused", "restarting")


class _Wires(httpcore.AsyncNetworkBackend):
    """Gives every request a connection to the engine's socket, whatever address it names."""

    def __init__(self, socket: str, dial: Dial) -> None:
        self._socket = socket
        self._dial = dial

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - a name is needed for the request only
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002 - the protocol of httpcore
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        try:
            return _Wire(*await self._dial(self._socket))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise SourceError(
                f"No container engine listens at {self._socket!r}.",
                hint=ABSENT_HINT,
                state="absent",
            ) from error
        except PermissionError as error:
            raise SourceError(
                f"This user may not use {self._socket!r}.", hint=DENIED_HINT, state="denied"
            ) from error


class _Wire(httpcore.AsyncNetworkStream):
    """One connection, in the words of httpcore."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._writer.write(buffer)
        await self._writer.drain()

    async def aclose(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # it may be broken already
            await self._writer.wait_closed()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401, ARG002 - nothing is known
        return None


def _refused(status: int, body: bytes) -> SourceError:
    """What an answer other than 200 means."""
    try:
        said = str(orjson.loads(body)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = body[:300].decode("utf-8", "backslashreplace")
    if status == 404:
        return SourceError(said, state="absent")
    if status in (401, 403):
        return SourceError(said, hint=DENIED_HINT, state="denied")
    return refusal(said or f"Docker answered {status}.")


def _unix(since: str) -> str:
    """RFC 3339 as seconds and nanoseconds since the epoch, the only form every engine knows."""
    seconds = int(datetime.fromisoformat(f"{since[:19]}+00:00").timestamp())
    fraction = since[19:].strip(".Z")
    return f"{seconds}.{fraction:0<9}"
