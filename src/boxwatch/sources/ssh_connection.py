"""Logging in to another machine over SSH: keys and nothing else, and host keys always checked.

No agent is asked, no password is sent, no configuration of the user's own SSH client is read.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncssh

from boxwatch.errors import SourceError
from boxwatch.sources.login import Login

# AES-GCM is twice as fast as the usual first choice where the processor knows AES.
_CIPHERS: Final = (
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"
    "aes256-ctr,aes192-ctr,aes128-ctr"
)
_BEATS: Final = 3  # unanswered keepalive messages until a peer counts as gone


class _Doorkeeper(asyncssh.SSHClient):
    """Refuses host keys that are not in the file, and remembers which key was shown."""

    def __init__(self) -> None:
        self.shown: asyncssh.SSHKey | None = None
        self.lost: Exception | None = None

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        del host, addr, port
        self.shown = key
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc


async def connect(login: Login) -> asyncssh.SSHClientConnection:
    """A connection that is logged in; notices within `login.silent_s` that its peer is gone.

    Raises:
        SourceError: the host or its key cannot be verified, or the login is refused (denied); it
            takes the connection and says nothing (hung); it cannot be reached (failing).

    """
    keys = [_private_key(path) for path in login.keys]
    if not keys:
        raise SourceError(
            f"There is no key file to log in to {login} with.",
            hint="Make one with `ssh-keygen -t ed25519` and name it as `key` of the host.",
            state="denied",
        )
    known = _known_hosts(login.known_hosts)
    doorkeeper = _Doorkeeper()
    with _as_source_error(login, doorkeeper, known):
        async with asyncio.timeout(login.connect_s):
            return await asyncssh.connect(
                login.host,
                login.port,
                username=login.user,
                client_keys=keys,
                known_hosts=known,
                client_factory=lambda: doorkeeper,
                config=[],
                agent_path=None,
                preferred_auth="publickey",
                password_auth=False,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                gss_kex=False,
                gss_auth=False,
                encryption_algs=_CIPHERS,
                compression_algs=None,
                keepalive_interval=login.silent_s / _BEATS,
                keepalive_count_max=_BEATS - 1,
            )


async def shown_host_key(host: str, port: int, limit_s: float = 15.0) -> asyncssh.SSHKey:
    """The key that `host` shows; nothing is sent to it but the handshake.

    Raises:
        SourceError: it cannot be reached, or does not speak SSH.

    """
    login = Login(host, port, "", (), Path(), limit_s)
    with _as_source_error(login, _Doorkeeper(), asyncssh.import_known_hosts("")):
        async with asyncio.timeout(limit_s):
            key = await asyncssh.get_server_host_key(host, port, config=[])
    if key is None:
        raise SourceError(f"{host} port {port} shows no host key.")
    return key


@contextmanager
def _as_source_error(
    login: Login, doorkeeper: _Doorkeeper, known: asyncssh.SSHKnownHosts
) -> Iterator[None]:
    where = f"{login.host} port {login.port}"
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise _untrusted(login, doorkeeper, known, error) from error
    except asyncssh.PermissionDenied as error:
        files = ", ".join(str(path) for path in login.keys)
        raise SourceError(
            f"{where} does not let {login.user!r} in with {files}.",
            hint=f"Add the public key to that user's authorized_keys: "
            f"`ssh-copy-id -i {login.keys[0]}.pub -p {login.port} {login.user}@{login.host}`.",
            state="denied",
        ) from error
    except TimeoutError as error:
        raise SourceError(
            f"{where} did not answer within {login.connect_s:g} s.",
            hint="Is the machine up, and does a firewall let this one through?",
            state="hung",
        ) from error
    except asyncssh.KeyExchangeFailed as error:
        raise SourceError(
            f"{where} offers no way to talk that both sides accept: {error.reason}.",
            hint=f"If its kind of host key changed, see {str(login.known_hosts)!r}.",
            state="denied",
        ) from error
    except (asyncssh.Error, OSError, ValueError) as error:
        raise SourceError(
            f"{where} cannot be reached: {_in_words(error)}.",
            hint="Is the machine up, and does its SSH server run?",
        ) from error


def _untrusted(
    login: Login,
    doorkeeper: _Doorkeeper,
    known: asyncssh.SSHKnownHosts,
    error: asyncssh.HostKeyNotVerifiable,
) -> SourceError:
    file = str(login.known_hosts)
    if doorkeeper.shown is None:
        return SourceError(
            f"The host key of {login} is not trusted: {error.reason}.",
            hint=f"See what {file!r} says about it.",
            state="denied",
        )
    print_ = doorkeeper.shown.get_fingerprint()
    kind = doorkeeper.shown.algorithm.decode("ascii", "replace")
    if known.match(login.host, "", login.port)[0]:
        return SourceError(
            f"The host key of {login} CHANGED: it shows {kind} {print_}, which is not the key in "
            f"{file!r}.",
            hint="Someone may be in between. If the machine was set up anew, compare the "
            "fingerprint on the machine itself, remove its lines from that file and run "
            f"`boxwatch hosts add {login}` again.",
            state="denied",
        )
    return SourceError(
        f"The host key of {login} is unknown: it shows {kind} {print_}, and {file!r} has no key "
        "for it.",
        hint=f"Run `boxwatch hosts add {login}`, which shows the fingerprint and asks.",
        state="denied",
    )


def _private_key(path: Path) -> asyncssh.SSHKey:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"The key file {str(path)!r} cannot be read: {error.strerror}.",
            hint="Name another one as `key` of the host.",
            state="denied",
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SourceError(
            f"The key file {str(path)!r} is open to others (mode {stat.S_IMODE(mode):04o}).",
            hint=f"Close it: `chmod 600 {path}`.",
            state="denied",
        )
    try:
        return asyncssh.import_private_key(data)
    except asyncssh.KeyEncryptionError as error:
        raise _protected(path) from error
    except asyncssh.KeyImportError as error:
        if "passphrase" in str(error).lower():
            raise _protected(path) from error
        raise SourceError(
            f"The key file {str(path)!r} holds no private key that is understood: {error}.",
            hint="An OpenSSH or PEM key is expected, not the .pub file.",
            state="denied",
        ) from error


def _protected(path: Path) -> SourceError:
    return SourceError(
        f"The key file {str(path)!r} is protected by a passphrase, which nobody is there to type.",
        hint="Make a key for Boxwatch alone: `ssh-keygen -t ed25519 -N '' -f FILE`, and allow it "
        "only what it needs.",
        state="denied",
    )


def _known_hosts(path: Path) -> asyncssh.SSHKnownHosts:
    try:
        return asyncssh.import_known_hosts(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return asyncssh.import_known_hosts("")
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise SourceError(
        f"The file of known hosts {str(path)!r} cannot be read: {reason}.",
        hint="It has the format of ~/.ssh/known_hosts; name another one as `known_hosts`.",
        state="denied",
    )


def _in_words(error: Exception) -> str:
    if isinstance(error, asyncssh.DisconnectError):
        return error.reason.rstrip(".")
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return str(error).rstrip(".") or type(error).__name__
