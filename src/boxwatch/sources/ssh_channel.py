"""Channels of a connection: opened with a limit, and given back when nobody waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import asyncssh

from boxwatch.errors import SourceError
from boxwatch.sources.login import Login
from boxwatch.sources.ssh_command import RemoteCommand

OPEN_S: Final = 15.0  # how long a channel may take to open, or a heartbeat to be answered


async def open_channel(
    connection: asyncssh.SSHClientConnection,
    login: Login,
    line: str,
    room: int,
    ended: Callable[[], None],
) -> RemoteCommand:
    """Start a command line; `ended` is called when its channel is gone or could not be opened.

    Raises:
        SourceError: the other side does not answer, or the connection broke.
        asyncssh.ChannelOpenError: it takes no more on this connection.

    """
    opening = asyncio.create_task(_open(connection, line, room, ended))
    try:
        async with asyncio.timeout(OPEN_S):
            return await asyncio.shield(opening)
    except TimeoutError as error:
        opening.add_done_callback(_hang_up)
        raise SourceError(
            f"{login} starts no command within {OPEN_S:g} s.", state="hung"
        ) from error
    except asyncio.CancelledError:
        opening.add_done_callback(_hang_up)  # what was asked for comes all the same
        raise
    except (asyncssh.DisconnectError, OSError) as error:
        raise lost(login, error) from error


def lost(login: Login, error: BaseException | None) -> SourceError:
    """What is said when the connection broke."""
    reason = getattr(error, "reason", "") or str(error or "")
    return SourceError(
        f"The connection to {login} was lost{': ' * bool(reason)}{reason.rstrip('.')}.",
        hint="It is made again as soon as the machine answers.",
    )


async def _open(
    connection: asyncssh.SSHClientConnection, line: str, room: int, ended: Callable[[], None]
) -> RemoteCommand:
    made: list[RemoteCommand] = []

    def make() -> RemoteCommand:
        made.append(RemoteCommand(room, ended))
        return made[0]

    try:
        await connection.create_session(make, line, encoding=None)
    except BaseException:
        if not made:
            ended()
        raise
    return made[0]


def _hang_up(opening: asyncio.Task[RemoteCommand]) -> None:
    """Close a channel that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().hang_up()
