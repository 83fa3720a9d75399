"""Hosts added, tried and taken out: what `boxwatch hosts` does."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from boxwatch import parts
from boxwatch.errors import SettingError, SourceError, UsageError
from boxwatch.settings import (
    FILE_NAME,
    LOCAL,
    Host,
    Settings,
    SshAddress,
    read_address,
    replace_file,
    with_host,
    without_host,
)
from boxwatch.sources import Capability, Login
from boxwatch.wiring.checking import capabilities
from boxwatch.wiring.hosts import usual_keys
from boxwatch.wiring.reading import sources
from boxwatch.wiring.this_host import host_name

_UNNAMED: Final = re.compile(r"[^A-Za-z0-9_.@-]+")
_NO_KEY: Final = (
    "Make one with `ssh-keygen -t ed25519 -N '' -f FILE`, copy it there with "
    "`ssh-copy-id -i FILE.pub {}`, and name it with --key FILE."
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A host that could be added. `shown` is the key it shows; None for this machine."""

    name: str
    address: str
    keys: tuple[Path, ...]
    known_hosts: Path
    shown: Any = None


@dataclass(frozen=True, slots=True)
class Added:
    """A host that was added, and what it offers."""

    name: str
    address: str
    key: str
    fingerprint: str
    file: str
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """A host that was taken out of `file`; `known_hosts` lost its key, None where none was ours."""

    name: str
    file: str
    known_hosts: str | None


@dataclass(frozen=True, slots=True)
class HostCapability:
    """What one host offers to one source."""

    host: str
    name: str
    state: str
    reason: str
    hint: str


def offer_host(settings: Settings, address: str, name: str | None, key: Path | None) -> Offer:
    """Find out what is not said about the host at `address`; nothing is written.

    Raises:
        SettingError: the address or the name is not allowed, or the name is taken.
        SourceError: the host cannot be reached, or shows another key than before.

    """
    if address == LOCAL:
        return _free(settings, Offer(name or host_name(), LOCAL, (), Path()))
    given = read_address(address)
    full = SshAddress(given.user or getpass.getuser(), given.host, given.port)
    keys = (key.expanduser().absolute(),) if key is not None else tuple(usual_keys())
    if not keys:
        raise SettingError(
            "There is no key file in ~/.ssh to log in with.",
            hint=_NO_KEY.format(f"-p {full.port} {full.user}@{full.host}"),
        )
    called = name or _UNNAMED.sub("-", full.host).strip("-.@_")
    made = _free(settings, Offer(called, str(full), keys, settings.known_hosts()))
    ask = parts.load("ssh-host-key")
    shown = asyncio.run(
        ask(full.host, full.port, made.known_hosts, Path("~/.ssh/known_hosts").expanduser())
    )
    if shown.changed:
        raise SourceError(
            f"{full} shows another host key than before: {shown.kind} {shown.fingerprint}.",
            hint="Someone may be in between. If the machine was set up anew, compare the "
            f"fingerprint on it, remove its lines from {str(made.known_hosts)!r}, and try again.",
            state="denied",
        )
    return Offer(made.name, made.address, keys, made.known_hosts, shown)


def add_host(settings: Settings, offered: Offer) -> Added:
    """Trust the host key of `offered`, log in, see what it offers, and write it down.

    Raises:
        SourceError: we are not let in; nothing was added to the settings then.
        SettingError: the settings file cannot be changed.

    """
    file = settings.file or Path(FILE_NAME)
    values = {"name": offered.name, "address": offered.address}
    if offered.shown is not None:
        if not offered.shown.trusted:
            parts.load("ssh-trust")(offered.known_hosts, offered.shown)
        values["key"] = str(_working_key(offered))
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    changed = with_host(text, values)
    host = Host.model_validate(values)
    found = asyncio.run(_look(settings, host))
    replace_file(file, changed)
    return Added(
        name=offered.name,
        address=offered.address,
        key=values.get("key", ""),
        fingerprint="" if offered.shown is None else offered.shown.fingerprint,
        file=str(file),
        capabilities=tuple(found),
    )


def remove_host(settings: Settings, name: str) -> Removed:
    """Take the host `name` out of the settings file, and the key that `add_host` trusted.

    The key stays where another host has the same machine, and where somebody else wrote it.

    Raises:
        SettingError: there is no such host, or the file cannot be changed.
        SourceError: the host is out of the settings, but the file of known hosts stays as it is.

    """
    if settings.file is None:
        raise SettingError(f"There is no host {name!r}: there is no settings file.")
    replace_file(settings.file, without_host(settings.file.read_text(encoding="utf-8"), name))
    known_hosts = None
    for host in settings.hosts:
        if host.name == name and not host.local and _alone(settings, host):
            at, file = read_address(host.address), settings.known_hosts(host)
            if parts.load("ssh-distrust")(file, at.host, at.port):
                known_hosts = str(file)
    return Removed(name, str(settings.file), known_hosts)


def _alone(settings: Settings, host: Host) -> bool:
    """True if no other host is reached at the address of `host`."""
    mine = read_address(host.address)
    others = [read_address(o.address) for o in settings.hosts if not o.local and o != host]
    return all((at.host, at.port) != (mine.host, mine.port) for at in others)


def check_hosts(settings: Settings, name: str | None) -> list[HostCapability]:
    """What every host offers, or the one called `name`; all are asked at once.

    Raises:
        UsageError: there is no such host.

    """
    hosts = [host for host in settings.hosts if name in (None, host.name)]
    if not hosts:
        known = ", ".join(repr(host.name) for host in settings.hosts) or "none"
        raise UsageError(
            "There are no hosts."
            if name is None
            else f"There is no host {name!r}; known: {known}.",
            hint="Add one with `boxwatch hosts add ssh://user@host`.",
        )
    return asyncio.run(_look_at(settings, hosts))


async def _look_at(settings: Settings, hosts: Sequence[Host]) -> list[HostCapability]:
    found = await asyncio.gather(*(_look(settings, host) for host in hosts))
    return [
        HostCapability(host.name, one.name, one.state, one.reason, one.hint)
        for host, ones in zip(hosts, found, strict=True)
        for one in ones
    ]


async def _look(settings: Settings, host: Host) -> list[Capability]:
    """What `host` offers, source by source; only the line where it cannot be reached."""
    alone = settings.model_copy(update={"hosts": (host,)})
    found = await capabilities(sources(alone, {}))
    line = [one for one in found if one.name == "ssh" and one.state != "ok"]
    return line or found


def _working_key(offered: Offer) -> Path:
    """The first key that lets us in.

    Raises:
        SourceError: none does; says what the last one met.

    """
    denied: SourceError | None = None
    for key in offered.keys:
        at = read_address(offered.address)
        try:
            asyncio.run(_log_in(Login(at.host, at.port, at.user, (key,), offered.known_hosts)))
        except SourceError as error:
            denied = error
        else:
            return key
    raise SourceError("No key lets us in.") if denied is None else denied


async def _log_in(login: Login) -> None:
    shell = parts.load("ssh-shell")(login)
    try:
        await shell.link.connection()
    finally:
        await shell.close()


def _free(settings: Settings, offered: Offer) -> Offer:
    if any(host.name == offered.name for host in settings.hosts):
        raise SettingError(
            f"There is a host {offered.name!r} already.", hint="Choose another one with --name."
        )
    for host in settings.hosts:
        if host.address == offered.address:
            raise SettingError(f"{offered.address} is watched already, as {host.name!r}.")
    try:
        Host(name=offered.name, address=offered.address)
    except ValidationError:
        raise SettingError(
            f"The name {offered.name!r} is not allowed.",
            hint="It has letters, digits, `_`, `.`, `@` and `-`, at most 80. See --name.",
        ) from None
    return offered
