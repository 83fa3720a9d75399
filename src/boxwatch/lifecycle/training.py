"""Training: stored windows -> fitted views -> models in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from boxwatch.detections import learning
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


def train(
    view: View, windows: pl.DataFrame, folder: Path, seed: int, *, courses: bool = False
) -> Trained:
    """Fit `view` to `windows` (its schema) and put the model in use.

    Args:
        view: What the windows are of.
        windows: In any order.
        folder: Where models are kept.
        seed: Of everything random.
        courses: Whether views of readings are judged by how these run, too.

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
    start = ordered["start"].to_physical().to_numpy()
    model = learning.fit(view, x, entity, entities, seed, start, courses=courses)
    version = save_model(folder, model.save())
    write_champions(folder, {**read_champions(folder), view.name: version})
    return Trained(view.name, len(x), len(entities), tuple(model.detectors), version)
