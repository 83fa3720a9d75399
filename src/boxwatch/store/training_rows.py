"""The rows that models learned from, kept as they were: Parquet files named by their content.

The store forgets after its retention; what a champion learned from must not change or vanish while
somebody may ask. Rows are kept beside the models, once for all versions that learned from them.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.errors import StoreDamaged, StoreError
from boxwatch.store.durable import write_whole

_FOLDER: Final = "rows"
_NAME_LETTERS: Final = 16


def save_rows(folder: Path, rows: pl.DataFrame) -> str:
    """Keep `rows` below `folder`; their name, the beginning of the file's SHA-256.

    The same rows have the same name, as long as the same version of Polars writes them.

    Raises:
        StoreFull: no room; nothing is left behind.
    """
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    content = buffer.getbuffer()
    name = hashlib.sha256(content).hexdigest()[:_NAME_LETTERS]
    if not _path(folder, name).exists():
        write_whole(_path(folder, name), content)
    return name


def load_rows(folder: Path, name: str) -> pl.DataFrame:
    """The rows that `save_rows` kept as `name`.

    Raises:
        StoreError: they are not there any more.
        StoreDamaged: the file is not what was written.
    """
    path = _path(folder, name)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(
            f"The training rows {name!r} are not in {str(path.parent)!r}.",
            hint="They were removed: what learned from them cannot be trained again.",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(name):
        raise StoreDamaged(
            f"The training rows {str(path)!r} are refused: their SHA-256 is {found}.",
            hint="Restore the file from a backup; models that were made from it are not affected.",
        )
    return pl.read_parquet(io.BytesIO(content))


def _path(folder: Path, name: str) -> Path:
    return folder / _FOLDER / f"{name}.parquet"
