"""Models on disk: plain arrays and a manifest, named by their content; loading runs no code.

    <folder>/<version>/manifest.json   schema, meta, and each array's file, SHA-256 and name
    <folder>/<version>/0000.npy …      the arrays (NumPy's format, no pickle)

The version is the beginning of the manifest's own SHA-256, so a version always means one content.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np

from boxwatch.errors import ModelError, StoreDamaged, StoreError
from boxwatch.models.detector import Saved
from boxwatch.store.durable import make_folder, on_device, sync_folder, write_whole

_MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_VERSION_LETTERS: Final = 16


def save_model(folder: Path, saved: Saved) -> str:
    """Write `saved` below `folder`; returns its version. The same content is written once.

    Raises:
        ModelError: an array holds Python objects, or `meta` is not JSON.
        StoreFull: no room; nothing is left behind.

    """
    payloads = {
        f"{number:04d}.npy": _npy(name, array)
        for number, (name, array) in enumerate(saved.arrays.items())
    }
    files = {
        file: {"array": name, "sha256": hashlib.sha256(payload).hexdigest()}
        for (file, payload), name in zip(payloads.items(), saved.arrays, strict=True)
    }
    try:
        manifest = json.dumps(
            {"format": _FORMAT, "files": files, "meta": saved.meta}, indent=1, sort_keys=True
        ).encode()
    except (TypeError, ValueError) as error:
        raise ModelError(f"The model's meta cannot be saved as JSON: {error}.") from error
    version = hashlib.sha256(manifest).hexdigest()[:_VERSION_LETTERS]
    if not (folder / version).exists():
        _write(folder, version, {**payloads, _MANIFEST: manifest})
    return version


def load_model(folder: Path, version: str) -> Saved:
    """The model that `save_model` wrote as `version`.

    Raises:
        StoreError: there is no such version.
        StoreDamaged: a file is missing or is not what was saved; says which and why.

    """
    place = folder / version
    if version not in model_versions(folder):
        raise StoreError(
            f"There is no model {version!r} in {str(folder)!r}.",
            hint=f"There are: {', '.join(model_versions(folder)) or 'none'}.",
        )
    raw = _read(place / _MANIFEST)
    if hashlib.sha256(raw).hexdigest()[:_VERSION_LETTERS] != version:
        raise _refused(place / _MANIFEST, "its SHA-256 does not begin with the version")
    manifest: dict[str, Any] = json.loads(raw)
    if manifest["format"] != _FORMAT:
        raise StoreError(
            f"The model {version!r} has format {manifest['format']!r}; "
            f"this Boxwatch reads {_FORMAT}.",
            hint="Install the newer Boxwatch.",
        )
    arrays = {}
    for file, entry in sorted(manifest["files"].items()):
        payload = _read(place / file)
        found = hashlib.sha256(payload).hexdigest()
        if found != entry["sha256"]:
            raise _refused(place / file, f"its SHA-256 is {found}, must be {entry['sha256']}")
        arrays[entry["array"]] = np.load(io.BytesIO(payload), allow_pickle=False)
    return Saved(arrays=arrays, meta=manifest["meta"])


def model_versions(folder: Path) -> list[str]:
    """The versions in `folder`, in the order they were written."""
    found = [path.parent for path in folder.glob(f"*/{_MANIFEST}") if path.parent.suffix != ".tmp"]
    return [path.name for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, path))]


def _npy(name: str, array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    try:
        np.save(buffer, array, allow_pickle=False)
    except ValueError as error:
        raise ModelError(
            f"The model's array {name!r} of {array.dtype} cannot be saved: {error}."
        ) from error
    return buffer.getvalue()


def _write(folder: Path, version: str, files: dict[str, bytes]) -> None:
    partial = folder / f"{version}.{os.getpid()}.tmp"
    with on_device(folder):
        make_folder(folder)
        try:
            for file, content in files.items():
                write_whole(partial / file, content)
            if not (folder / version).exists():
                partial.rename(folder / version)
            sync_folder(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refused(path, f"it cannot be read ({error.strerror})") from error


def _refused(path: Path, reason: str) -> StoreDamaged:
    return StoreDamaged(
        f"The model file {str(path)!r} is refused: {reason}.",
        hint="Train the model again, or restore the folder from a backup.",
    )
