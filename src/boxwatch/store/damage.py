"""Files that fail their check: moved aside with a record of why, and never silently."""

from __future__ import annotations

import json
from pathlib import Path

from boxwatch.errors import StoreDamaged, StoreError
from boxwatch.store.durable import write_whole
from boxwatch.store.layout import Layout


class DamageLog:
    """What was found damaged in one data folder, in this process and before.

    With `writable` a damaged file is moved to `damaged/`, beside a JSON record; without, it is
    only remembered and passed over.
    """

    def __init__(self, layout: Layout, *, writable: bool) -> None:
        self._layout = layout
        self._writable = writable
        self._seen: dict[Path, StoreDamaged] = {}

    def known(self, path: Path) -> bool:
        """Whether `path` was already found damaged by this process."""
        return path in self._seen

    def report(self, path: Path, reason: str) -> None:
        """Take `path` out of the store because of `reason`."""
        origin = path.relative_to(self._layout.root)
        aside = self._move(path, origin, reason) if self._writable else None
        self._seen[path] = _finding(self._layout.root, str(origin), reason, aside)

    def findings(self) -> list[StoreDamaged]:
        """Every damaged file, oldest name first."""
        found = dict.fromkeys(self._seen.values())
        known = {str(error) for error in found}
        for record in sorted(self._layout.damaged.glob("*.json")):
            try:
                entry = json.loads(record.read_bytes())
                origin, reason, name = entry["file"], entry["reason"], entry["moved_to"]
            except (ValueError, KeyError, TypeError):
                origin, reason, name = str(record), "its own record is damaged", record.name
            error = _finding(self._layout.root, origin, reason, record.with_name(name))
            if str(error) not in known:
                found[error] = None
        return list(found)

    def _move(self, path: Path, origin: Path, reason: str) -> Path | None:
        aside = self._aside(origin)
        record = {"file": str(origin), "reason": reason, "moved_to": aside.name}
        try:
            write_whole(aside.with_name(aside.name + ".json"), json.dumps(record).encode())
            path.replace(aside)
        except (StoreError, OSError):  # a full device must not keep anyone from reading the rest
            return None
        return aside

    def _aside(self, origin: Path) -> Path:
        """A free name in `damaged/` that tells where the file was."""
        stem = "__".join(origin.parts)[-180:]
        candidate, number = self._layout.damaged / stem, 1
        while candidate.exists():
            number += 1
            candidate = self._layout.damaged / f"{number}__{stem}"
        return candidate


def _finding(root: Path, origin: str, reason: str, aside: Path | None) -> StoreDamaged:
    where = "left in place" if aside is None else f"moved to {str(aside)!r}"
    return StoreDamaged(
        f"{str(root / origin)!r} cannot be read ({reason}); its records are missing; {where}.",
        hint="Restore the file from a backup, or check the disk: the rest of the store is intact.",
    )
