"""Hosts written into a settings file and taken out of it; nothing else in it changes."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from boxwatch.errors import SettingError

_HEADER: Final = re.compile(r"^\s*\[\[?\s*(?P<name>[A-Za-z0-9_\"'.\s-]+?)\s*\]\]?\s*(#.*)?$")
_HOST: Final = re.compile(r"^\s*\[\[\s*hosts\s*\]\]\s*(#.*)?$")
_BY_HAND: Final = "Edit it by hand: `boxwatch config` says what a host can hold."


def host_table(values: Mapping[str, str]) -> str:
    """A `[[hosts]]` table with these texts."""
    lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in values.items()]
    return "\n".join(["[[hosts]]", *lines, ""])


def with_host(text: str, values: Mapping[str, str]) -> str:
    """The settings file `text` with one more host at its end.

    Raises:
        SettingError: that would be no settings file any more: `hosts` is written in another way.

    """
    table = host_table(values)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    changed = f"{text}{gap}{table}"
    before = _parse(text)
    expected = before | {"hosts": [*before.get("hosts", []), dict(values)]}
    return _as_expected(changed, expected, f"Add to it by hand:\n{table}")


def without_host(text: str, name: str) -> str:
    """The settings file `text` without the table of the host `name`.

    Comments above a table stay: they may speak of more than it.

    Raises:
        SettingError: there is no such host, or its table cannot be told from the rest.

    """
    before = _parse(text)
    hosts = before.get("hosts", [])
    names = [host.get("name") for host in hosts]
    if name not in names:
        raise SettingError(
            f"There is no host {name!r}; there are {', '.join(map(repr, names)) or 'none'}.",
            hint="See `boxwatch hosts list`.",
        )
    index = names.index(name)
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if _HOST.match(line)]
    if len(starts) != len(hosts):
        raise SettingError(
            "The hosts in the settings file are not tables [[hosts]].", hint=_BY_HAND
        )
    end = _end(lines, starts[index])
    changed = "".join(lines[: starts[index]] + lines[end:])
    left = [host for number, host in enumerate(hosts) if number != index]
    expected = {key: value for key, value in before.items() if key != "hosts"}
    return _as_expected(changed, expected | ({"hosts": left} if left else {}), _BY_HAND)


def replace_file(path: Path, text: str) -> None:
    """Write `text` in place of `path`, wholly or not at all; its permissions stay.

    Raises:
        SettingError: it cannot be written.

    """
    real = path.resolve()
    try:
        mode = real.stat().st_mode & 0o777 if real.exists() else 0o644
        real.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=real.parent, delete=False, encoding="utf-8"
        ) as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        os.chmod(new.name, mode)
        os.replace(new.name, real)
    except OSError as error:
        raise SettingError(
            f"{str(path)!r} cannot be written: {error.strerror}.",
            hint="Name another settings file with --config.",
        ) from error


def _end(lines: list[str], start: int) -> int:
    """The line after the last one of the table that begins at `start`, with its own sub-tables."""
    end = len(lines)
    for number in range(start + 1, len(lines)):
        header = _HEADER.match(lines[number])
        if header and not header["name"].replace('"', "").startswith("hosts."):
            end = number
            break
    else:
        return end
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip()[0] == "#"):
        end -= 1  # what stands above the next table is about that
    return end


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"The settings file is not TOML: {error}.", hint=_BY_HAND) from None


def _as_expected(text: str, expected: Mapping[str, Any], hint: str) -> str:
    """`text`, if it says exactly what is `expected`."""
    try:
        found: Mapping[str, Any] | None = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found = None
    if found != expected:
        raise SettingError(
            "The settings file is written in a way that cannot be changed without harm.", hint=hint
        )
    return text
