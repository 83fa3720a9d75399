"""Getting a page over HTTP, from here or from the machine it is served on: limited, never followed.

Neither way raises for what a server does: it refuses, hangs, redirects, sends too much or too
little, and each of these is an `Answer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

from boxwatch.errors import SourceError
from boxwatch.sources.source import Shell

_LONGEST_S: Final = 60.0  # each endpoint has its own, shorter limit
_INFLATED: Final = 1 << 20  # bytes that one piece may become at once: a bomb is seen early


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service says its metrics, and how patient to be with it.

    `name` is the service's: the entity is `service:<name>`. `host` is the machine it counts to.
    `limit_s` is for the whole answer, `most_bytes` for its text.
    """

    name: str
    url: str
    host: str = ""
    interval_s: float = 5.0
    limit_s: float = 4.0
    most_bytes: int = 8 << 20
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: the HTTP status, 0 if there was none and `fault` says why, and the text."""

    status: int
    body: bytes = b""
    fault: str = ""
    location: str = ""
    hung: bool = False


class Fetch(Protocol):
    """A way to get a page."""

    async def get(self, endpoint: Endpoint) -> Answer:
        """What the endpoint answers within its limits."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class HttpFetch:
    """Gets pages from here."""

    def __init__(self, *, tls: bool = True) -> None:
        verify: ssl.SSLContext | bool = ssl.create_default_context() if tls else False
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, verify=verify, timeout=_LONGEST_S
        )

    async def get(self, endpoint: Endpoint) -> Answer:
        """What the endpoint answers within its limits."""
        try:
            async with asyncio.timeout(endpoint.limit_s):
                return await self._get(endpoint)
        except TimeoutError:
            return Answer(0, fault=f"No answer for {endpoint.limit_s:g} s.", hung=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Answer(0, fault=_words(error))

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _get(self, endpoint: Endpoint) -> Answer:
        headers = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
        if endpoint.token is not None:
            headers["Authorization"] = f"Bearer {endpoint.token}"
        async with self._client.stream("GET", endpoint.url, headers=headers) as response:
            encoding = response.headers.get("content-encoding", "identity").lower()
            body = _Body(encoding, endpoint.most_bytes)
            async for piece in response.aiter_raw():
                if not body.take(piece):
                    return Answer(response.status_code, fault=body.fault)
            location = response.headers.get("location", "")
            return Answer(response.status_code, body.whole(), location=location)


class _Body:
    """A body as it comes in, inflated if need be, at most so large."""

    def __init__(self, encoding: str, most: int) -> None:
        self.fault = ""
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._inflate = None
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
        elif encoding not in ("identity", ""):
            self.fault = f"It is encoded as {encoding!r}, which was not asked for."

    def take(self, piece: bytes) -> bool:
        """Take the next piece; False where the body cannot be used, and `fault` says why."""
        while not self.fault:
            part, piece = self._inflated(piece)
            self._size += len(part)
            self._pieces.append(part)
            if self._size > self._most:
                self.fault = f"It is larger than {self._most} bytes."
            if not piece:
                break
        return not self.fault

    def _inflated(self, piece: bytes) -> tuple[bytes, bytes]:
        if self._inflate is None:
            return piece, b""
        try:
            part = self._inflate.decompress(piece, _INFLATED)
        except zlib.error as error:
            self.fault = f"It is not gzip: {error}."
            return b"", b""
        return part, self._inflate.unconsumed_tail

    def whole(self) -> bytes:
        """All of it."""
        return b"".join(self._pieces)


class ShellFetch:
    """Gets pages with curl where `shell` runs: for a server that listens on its own loopback.

    The URL and the token go to curl's standard input: arguments are for everyone to see.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def get(self, endpoint: Endpoint) -> Answer:
        """What the endpoint answers within its limits."""
        try:
            async with asyncio.timeout(endpoint.limit_s + 2):  # curl has its own limit
                return await self._get(endpoint)
        except TimeoutError:
            return Answer(0, fault=f"No answer for {endpoint.limit_s:g} s.", hung=True)
        except SourceError as error:
            return Answer(0, fault=f"curl: {error.message}")

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _get(self, endpoint: Endpoint) -> Answer:
        body: list[bytes] = []
        said: list[bytes] = []
        size = 0
        running = self._shell.stream(
            ["curl", "--disable", "--config", "-"], _once(_config(endpoint))
        )
        async with contextlib.aclosing(running) as output:
            async for piece in output:
                (said if piece.error else body).append(piece.data)
                size += len(piece.data)
                if size > endpoint.most_bytes:
                    return Answer(200, fault=f"It is larger than {endpoint.most_bytes} bytes.")
        page, _, status = b"".join(body).rstrip(b"\n").rpartition(b"\n")
        number = int(status) if status.isdigit() else 0
        if not number:
            words = b"".join(said).decode("utf-8", "replace").strip()[:300]
            return Answer(0, fault=words or "curl said nothing.", hung="timed out" in words)
        return Answer(number, page)


def _config(endpoint: Endpoint) -> bytes:
    """What curl reads (curl(1), --config): one option a line, values in double quotes."""
    options = {
        "url": endpoint.url,
        "max-time": f"{endpoint.limit_s:g}",
        "max-filesize": str(endpoint.most_bytes),
        "proto": "=http,https",
        "noproxy": "*",
        "write-out": "\\n%{http_code}\\n",
    }
    lines = [f'{name} = "{_quoted(name, value)}"' for name, value in options.items()]
    if endpoint.token is not None:
        lines.append(f'header = "Authorization: Bearer {_quoted("header", endpoint.token)}"')
    return "\n".join([*lines, "silent", "show-error", "globoff", ""]).encode()


def _quoted(name: str, value: str) -> str:
    if name == "write-out":
        return value
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "").replace("\r", "")


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _words(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return f"{text[:300].rstrip('.')}."
