"""Settings of the hosts that are watched: this machine, and others over SSH."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from boxwatch.errors import SettingError
from boxwatch.settings.endpoints import Name
from boxwatch.settings.tree import Allowed, Folder, Section

LOCAL: Final = "local"
SSH_PORT: Final = 22
_WORDS: Final = '"local", or ssh://user@host with an optional :port from 1 to 65535'
_USER: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?$")
_HOST: Final = re.compile(r"^[A-Za-z0-9_:%](?:[A-Za-z0-9_.:%-]{0,252}[A-Za-z0-9_])?$")


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where a host is: `user` is empty where the address names none."""

    user: str
    host: str
    port: int

    def __str__(self) -> str:
        """The address as it is written; the usual port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"ssh://{user}{host}{'' if self.port == SSH_PORT else f':{self.port}'}"


def read_address(text: str) -> SshAddress:
    """The parts of an `ssh://user@host:port`.

    Raises:
        SettingError: it is none; says what is wrong with it.

    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _wrong(text, "its port is no number from 1 to 65535") from None
    if parts.scheme != "ssh":
        raise _wrong(text, "it does not begin with ssh://")
    if parts.password is not None:
        raise _wrong(
            text.replace(f":{parts.password}@", ":***@"),
            "it holds a password, and only keys are used",
        )
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _wrong(text, "something follows the host and its port")
    host = parts.hostname or ""
    if not _HOST.match(host):
        raise _wrong(text, "it names no host")
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise _wrong(text, "its port is no number from 1 to 65535")
    if parts.username is not None and not _USER.match(parts.username):
        raise _wrong(text, f"{parts.username!r} is no name of a user")
    return SshAddress(parts.username or "", host, SSH_PORT if port is None else port)


def _wrong(text: str, why: str) -> SettingError:
    return SettingError(
        f"The address {text!r} is not allowed: {why}.", hint=f"It must be {_WORDS}."
    )


def _address(value: str) -> str:
    if value != LOCAL:
        try:
            address = read_address(value)
        except SettingError as error:
            raise ValueError(error.message.partition("not allowed: ")[2]) from None
        if not address.user:
            raise ValueError("it must name a user")
    return value


Address = Annotated[str, AfterValidator(_address), Allowed("", _WORDS)]
SourceName = Literal["journald", "docker", "nvidia", "host", "kernel", "files"]


class Host(Section):
    """A machine that is watched."""

    name: Name = Field(description="What the host is called in records and incidents.")
    address: Address = Field(description="This machine, or where to log in over SSH and as whom.")
    key: Folder | None = Field(
        default=None, description="File of the private key; none = the usual ones in ~/.ssh."
    )
    known_hosts: Folder | None = Field(
        default=None,
        description="File of the host keys to trust; none = known_hosts beside the settings file.",
    )
    sources: Annotated[
        tuple[SourceName, ...],
        Allowed("", "a list of journald, docker, nvidia, host, kernel and files"),
    ] = Field(default=(), description="What is read there; empty = all that is switched on.")
    labels: Annotated[dict[str, str], Allowed("", "a table: name -> text")] = Field(
        default_factory=dict,
        description="Words of your own; `--label` of the commands selects hosts by them.",
    )

    @property
    def local(self) -> bool:
        """True for this machine itself."""
        return self.address == LOCAL


def _distinct(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    names = [host.name for host in hosts]
    if len(set(names)) < len(names):
        raise ValueError("every host needs a name of its own")
    if sum(host.local for host in hosts) > 1:
        raise ValueError('only one host can be "local"')
    return hosts


Hosts = Annotated[
    tuple[Host, ...],
    AfterValidator(_distinct),
    Allowed(
        "",
        'a list of tables with a name of its own and an address each, at most one of them "local"; '
        "only in the settings file",
    ),
]
