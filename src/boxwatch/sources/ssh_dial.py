"""Connections to a Unix socket of another machine, through the SSH connection there is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import asyncssh

from boxwatch.errors import SourceError
from boxwatch.sources.docker_api import Reader, Writer
from boxwatch.sources.ssh_shell import SshShell

_OPEN_S: Final = 15.0


class SshDial:
    """Connects to sockets of the host that `shell` runs commands on.

    No process runs there for it (`direct-streamlocal@openssh.com`, OpenSSH PROTOCOL section 2.4),
    and it takes none of the sessions that commands need.
    """

    def __init__(self, shell: SshShell) -> None:
        self._shell = shell

    async def __call__(self, path: str) -> tuple[Reader, Writer]:
        """A connection to the socket `path`.

        Raises:
            SourceError: the host cannot be reached, forbids it, or nothing listens there.

        """
        connection = await self._shell.link.connection()
        try:
            async with asyncio.timeout(_OPEN_S):
                reader, writer = await connection.open_unix_connection(path)
        except TimeoutError as error:
            raise SourceError(f"{path!r} does not open in {_OPEN_S:g} s.", state="hung") from error
        except asyncssh.Error as error:
            raise SourceError(f"{path!r} cannot be reached over SSH: {error.reason}.") from error
        return _Reader(reader), _Writer(writer)


class _Reader:
    """Bytes from the other machine; a lost connection is a SourceError."""

    def __init__(self, reader: asyncssh.SSHReader[bytes]) -> None:
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        try:
            return await self._reader.read(n)
        except asyncssh.Error as error:
            raise SourceError(f"The SSH connection was lost: {error.reason}.") from error


class _Writer:
    """Bytes to the other machine; a lost connection is a SourceError."""

    def __init__(self, writer: asyncssh.SSHWriter[bytes]) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def drain(self) -> None:
        try:
            await self._writer.drain()
        except asyncssh.Error as error:
            raise SourceError(f"The SSH connection was lost: {error.reason}.") from error

    def close(self) -> None:
        self._writer.close()

    async def wait_closed(self) -> None:
        with contextlib.suppress(asyncssh.Error):
            await self._writer.wait_closed()
