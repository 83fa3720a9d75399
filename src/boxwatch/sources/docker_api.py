"""The Docker Engine API over its socket (https://docs.docker.com/reference/api/engine/).

No command is started: what is followed costs one connection, and nothing while it is quiet.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

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
_HEAD_BYTES: Final = 1 << 16
_COMPLAINT_BYTES: Final = 4096
_ANSWER_BYTES: Final = 64 << 20  # more is no answer about containers
_ALIVE: Final = ("running", "paused", "restarting")
# HTTP/1.0, so that the body is not sent in chunks: engines send one for each line, and to take
# them apart cost twice as much as all the rest.
_REQUEST: Final = b"GET %b HTTP/1.0\r\nHost: docker\r\nUser-Agent: boxwatch\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b", re.ASCII)


class Wire(Protocol):
    """A connection to the engine's socket."""

    async def read(self, n: int) -> bytes:
        """At most `n` bytes; empty at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


Dial = Callable[[str], Awaitable[Wire]]


class SocketWire:
    """A connection on this machine. What is not asked for waits in the kernel: no waking for it."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    async def read(self, n: int) -> bytes:
        """See `Wire.read`."""
        return await self._loop.sock_recv(self._socket, n)

    async def send(self, data: bytes) -> None:
        """See `Wire.send`."""
        await self._loop.sock_sendall(self._socket, data)

    async def close(self) -> None:
        """See `Wire.close`."""
        self._socket.close()


async def dial_here(path: str) -> Wire:
    """A connection to the Unix socket `path` of this machine.

    Raises:
        OSError: nothing listens there, or this user may not use it.

    """
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, path)
    except BaseException:
        wire.close()
        raise
    return SocketWire(wire)


class ApiEngine:
    """A Docker engine, asked over its socket; implements `Engine`.

    `dial` connects to the socket's path: on this machine, or through a connection to another one.
    Lines that come one by one are gathered for `gather_s`: one waking for many of them.
    """

    disorder_s = 10.0  # both streams come over one connection, in the order of the log
    tail = 2000

    def __init__(self, path: str = SOCKET, dial: Dial = dial_here, gather_s: float = 0.05) -> None:
        self._socket = path
        self._dial = dial
        self._gather_s = gather_s
        self._room = asyncio.Semaphore(AT_ONCE)

    async def containers(self) -> dict[str, bool]:
        """The full id of every container, and whether it runs.

        Raises:
            SourceError: absent, denied, failing or hung, as the engine is.

        """
        found = await self._answer("/containers/json?all=1")
        try:
            return {str(each["Id"]): each.get("State") in _ALIVE for each in found}
        except (KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{self._socket!r} answers as no container engine does.") from error

    async def inspect(self, container_id: str) -> Record:
        """What the engine knows of a container.

        Raises:
            SourceError: absent if there is no such container.

        """
        found = await self._answer(f"/containers/{quote(container_id)}/json")
        return found if isinstance(found, dict) else {}

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
        async with contextlib.aclosing(self._stream(path, self._gather_s)) as stream:
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

    async def _stream(self, path: str, gather_s: float = 0.0) -> AsyncGenerator[bytes, None]:
        """The body of the answer to a GET, as it comes.

        A connection for each: they are cheap, and a stream left early never blocks another.
        """
        wire = await self._connect()
        try:
            await wire.send(_REQUEST % path.encode("ascii"))
            status, data = await _head(wire)
            if status >= 400:
                while len(data) < _COMPLAINT_BYTES and (more := await wire.read(_READ_BYTES)):
                    data += more
                raise _refused(status, data)
            if data:
                yield data
            while data := await wire.read(_READ_BYTES):
                yield data
                if gather_s and len(data) < _READ_BYTES:
                    await asyncio.sleep(gather_s)
        except OSError as error:
            raise SourceError(f"The connection to the engine ended: {error!r}.") from error
        finally:
            await wire.close()

    async def _connect(self) -> Wire:
        try:
            return await self._dial(self._socket)
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
        except OSError as error:
            raise SourceError(f"The engine's socket {self._socket!r} fails: {error}.") from error


async def _head(wire: Wire) -> tuple[int, bytes]:
    """The status of an answer, and what came of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await wire.read(_READ_BYTES)
        data += more
        if not more or len(data) > _HEAD_BYTES:
            raise SourceError(f"{data[:80]!r} is no answer of a container engine.")
    head, _, body = data.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None or b"chunked" in head.lower():
        raise SourceError(f"{head[:80]!r} is no answer that was asked for.")
    return int(status[1]), body


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
