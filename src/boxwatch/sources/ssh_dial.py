"""Connections to a Unix socket of another machine, through the SSH connection there is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import asyncssh

from boxwatch.errors import SourceError
from boxwatch.sources.docker_api import Wire
from boxwatch.sources.ssh_shell import SshShell

_OPEN_S: Final = 15.0


class SshDial:
    """Connects to sockets of the host that `shell` runs commands on.

    No process runs there for it (`direct-streamlocal@openssh.com`, OpenSSH PROTOCOL section 2.4),
    and it takes none of the sessions that commands need.
    """

    def __init__(self, shell: SshShell) -> None:
        self._shell = shell

    async def __call__(self, path: str) -> Wire:
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
        return _SshWire(reader, writer)


class _SshWire:
    """A connection to the other machine; one that is lost is a SourceError."""

    def __init__(
        self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]
    ) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, n: int) -> bytes:
        try:
            return await self._reader.read(n)
        except asyncssh.Error as error:
            raise _lost(error) from error

    async def send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except asyncssh.Error as error:
            raise _lost(error) from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(asyncssh.Error, OSError):
            await self._writer.wait_closed()


def _lost(error: asyncssh.Error) -> SourceError:
    return SourceError(f"The SSH connection was lost: {error.reason}.")
