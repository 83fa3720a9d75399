"""Which models have a role, by view: one small file for each role beside the models.

champions.json names the models in use, challengers.json those that score beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boxwatch.errors import StoreDamaged
from boxwatch.store.durable import make_folder, on_device, write_whole
from boxwatch.store.ledger_rows import Role

_FILES: Final[dict[Role, str]] = {
    "champion": "champions.json",
    "challenger": "challengers.json",
}


def read_champions(folder: Path, role: Role = "champion") -> dict[str, str]:
    """The model that has `role` by view; empty where none has.

    Raises:
        StoreDamaged: the file is there but cannot be understood.
    """
    path = folder / _FILES[role]
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


def champions_stamp(folder: Path, role: Role = "champion") -> tuple[int, int] | None:
    """Changes with every `write_champions`; None where there is no file. Costs one stat(2)."""
    try:
        found = (folder / _FILES[role]).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def write_champions(folder: Path, versions: Mapping[str, str], role: Role = "champion") -> None:
    """Give `role` to the models `versions`, all at once."""
    with on_device(folder):
        make_folder(folder)
        write_whole(folder / _FILES[role], json.dumps(dict(versions), indent=1).encode())
