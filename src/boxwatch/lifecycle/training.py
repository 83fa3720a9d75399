"""Training: stored windows -> fitted views -> models in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from boxwatch.detections import view_model
from boxwatch.errors import ModelError
from boxwatch.features import View
from boxwatch.store import read_champions, save_model, write_champions


@dataclass(frozen=True, slots=True)
class Trained:
    """What one view was fitted on, and the version that came out."""

    view: str
    windows: int
    entities: int
    detectors: tuple[str, ...]
    version: str


def train(view: View, windows: pl.DataFrame, folder: Path, seed: int) -> Trained:
    """Fit `view` to `windows` (its schema) and put the model in use.

    Raises:
        ModelError: there are no windows.
    """
    if windows.is_empty():
        raise ModelError(
            f"There are no windows of the view {view.name!r} to learn from.",
            hint="Collect and normalize more records, then run `boxwatch features`.",
        )
    ordered = windows.sort("start", "host", "entity")
    keys = ordered.select(pl.concat_str("host", pl.lit("\0"), "entity").alias("key"))["key"]
    entities = sorted(keys.unique().to_list())
    numbers = {key: number for number, key in enumerate(entities)}
    entity = np.fromiter((numbers[key] for key in keys), np.int32, len(keys))
    x = ordered.select(view.columns).to_numpy().astype(np.float32)
    model = view_model.fit(view, x, entity, entities, seed)
    version = save_model(folder, model.save())
    write_champions(folder, {**read_champions(folder), view.name: version})
    return Trained(view.name, len(x), len(entities), tuple(model.detectors), version)
