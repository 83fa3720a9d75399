"""Which model version is in use for each view: one small file beside the models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boxwatch.errors import StoreDamaged
from boxwatch.store.durable import make_folder, on_device, write_whole

_FILE: Final = "champions.json"


def read_champions(folder: Path) -> dict[str, str]:
    """The version in use by view; empty where nothing was trained.

    Raises:
        StoreDamaged: the file is there but cannot be understood.
    """
    path = folder / _FILE
    try:
        champions = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreDamaged(
            f"{str(path)!r} cannot be read: {error}.", hint="Remove it and run `boxwatch train`."
        ) from error
    if not isinstance(champions, dict):
        raise StoreDamaged(
            f"{str(path)!r} holds {champions!r}, must be an object of view: version.",
            hint="Remove it and run `boxwatch train`.",
        )
    return {str(view): str(version) for view, version in champions.items()}


def champions_stamp(folder: Path) -> tuple[int, int] | None:
    """Changes with every `write_champions`; None where there is no file. Costs one stat(2)."""
    try:
        found = (folder / _FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def write_champions(folder: Path, versions: Mapping[str, str]) -> None:
    """Put `versions` in use, all at once."""
    with on_device(folder):
        make_folder(folder)
        write_whole(folder / _FILE, json.dumps(dict(versions), indent=1).encode())
