"""Windows on disk between `features` and `train`: features/<view>/NNNN.parquet.

Where windows are cut on as they come (`window_cutting`), `cut.json` names the files that count.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch.errors import StoreDamaged, UsageError
from boxwatch.features import View

LIST: Final = "cut.json"


def windows_folder(data: Path) -> Path:
    """Where the windows of a data folder lie."""
    return data / "features"


def write_windows(folder: Path, held: list[pl.DataFrame]) -> None:
    """Add the windows `held` to `folder` as one more file, and let go of them."""
    folder.mkdir(parents=True, exist_ok=True)
    if held:
        pl.concat(held).write_parquet(folder / f"{len(list(folder.iterdir())):04d}.parquet")
        held.clear()


def read_windows(data: Path, view: View) -> pl.DataFrame:
    """All windows of `view` (its schema); none is an empty frame.

    Raises:
        UsageError: no windows were cut yet.
        StoreDamaged: a file cannot be read, or is of the view as it was.
    """
    folder = windows_folder(data)
    if not folder.is_dir():
        raise UsageError(
            f"There are no windows in {str(data)!r} to learn from.",
            hint="Run `boxwatch features` first.",
        )
    content = listed(folder)
    if content is None:
        paths = sorted((folder / view.name).glob("*.parquet"))
    else:
        paths = [folder / part / name for part, name, *_ in content["files"] if part == view.name]
    parts = [_read(path, view) for path in paths]
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(view.schema))


def listed(folder: Path) -> dict[str, Any] | None:
    """What `cut.json` says; None where there is none, or nobody can read it."""
    try:
        content: dict[str, Any] = json.loads((folder / LIST).read_bytes())
    except (OSError, ValueError):
        return None
    return content


def _read(path: Path, view: View) -> pl.DataFrame:
    try:
        windows = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise StoreDamaged(
            f"{str(path)!r} cannot be read: {error}.",
            hint="Run `boxwatch features` again: it writes all windows anew.",
        ) from error
    if dict(windows.schema) != dict(view.schema):
        raise StoreDamaged(
            f"{str(path)!r} does not hold the windows of the view {view.name!r} as they are now.",
            hint="Run `boxwatch features` again: it writes all windows anew.",
        )
    return windows
