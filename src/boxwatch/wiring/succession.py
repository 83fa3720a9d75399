"""Which version judges in a data folder: the file of champions, the ledger, the models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from boxwatch import pulse
from boxwatch.detections import ViewModel, load_view_model
from boxwatch.errors import StoreError
from boxwatch.features import VIEWS
from boxwatch.live import Succession, Version
from boxwatch.store import Ledger, Role, champions_stamp, load_model, read_champions

DETECTORS: Final = "detectors"  # the task's name in the ledger


def champions(folder: Path) -> Succession:
    """The champions of the models in `folder`, as a watcher takes them up."""
    return Succession(
        lambda: champions_stamp(folder),
        lambda: champion(folder),
        lambda error: pulse.emit(pulse.ChampionRefused(error)),
    )


def challengers(folder: Path) -> Succession:
    """The challengers, as a watcher lets them score beside the champion."""
    return Succession(
        lambda: champions_stamp(folder, "challenger"),
        lambda: champion(folder, "challenger"),
        lambda error: pulse.emit(pulse.ChampionRefused(error)),
    )


def champion(folder: Path, role: Role = "champion") -> Version | None:
    """The version that has `role`; None where none has.

    Raises:
        ModelError: a model was trained by another version of Boxwatch; says what to do.
        StoreError: a model is not there, or is not what was saved.
    """
    parts = read_champions(folder, role)
    if not parts:
        return None
    return Version(_number(folder, parts, role), view_models(folder, parts))


def view_models(folder: Path, parts: dict[str, str]) -> dict[str, ViewModel]:
    """The models of `parts` (view: artifact); each goes by its view and artifact.

    Raises:
        ModelError: as `champion`.
        StoreError: as `champion`.
    """
    return {
        name: replace(
            load_view_model(VIEWS[name], load_model(folder, artifact)), version=f"{name}-{artifact}"
        )
        for name, artifact in parts.items()
        if name in VIEWS
    }


def _number(folder: Path, parts: dict[str, str], role: Role) -> int | None:
    """The number of the version with these parts; None where the ledger does not tell."""
    try:
        ledger = Ledger.open(folder, DETECTORS, writable=False)
    except StoreError:
        return None
    try:
        holder = ledger.holder(role)
        known = holder is not None and ledger.version(holder).parts == parts
        return holder if known else None
    except StoreError:
        return None
    finally:
        ledger.close()
