"""The pipeline's state as one flat mapping of arrays, frames and JSON values.

Stages save nested mappings. Here they are laid out by path, so that a snapshot can hold each
array and frame as it is, and everything else as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from boxwatch.models import Saved

SNAPSHOT: Final = "pipeline"  # the stage under which a checkpoint holds the pipeline

_STEP: Final = "\x1f"
_SAVED: Final = "\x1eSaved"  # marks a mapping that was a models.Saved


def flatten(tree: Mapping[str, object]) -> dict[str, Any]:
    """`tree` with one entry per array, frame or JSON value."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        node = value
        if isinstance(value, Saved):
            node = {_SAVED: 1, "arrays": dict(value.arrays), "meta": dict(value.meta)}
        if isinstance(node, Mapping) and _holds_tables(node):
            flat.update({f"{key}{_STEP}{path}": leaf for path, leaf in flatten(node).items()})
        else:
            flat[key] = node
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The tree that `flatten` laid out."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *steps, last = path.split(_STEP)
        node = tree
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = leaf
    return {key: _restored(value) for key, value in tree.items()}


def _restored(node: Any) -> Any:  # noqa: ANN401 - a tree of anything a snapshot can hold
    if not isinstance(node, dict):
        return node
    if _SAVED in node:
        return Saved(node.get("arrays", {}), node["meta"])
    return {key: _restored(value) for key, value in node.items()}


def _holds_tables(node: Mapping[str, object]) -> bool:
    return any(
        isinstance(value, np.ndarray | pl.DataFrame | Saved)
        or (isinstance(value, Mapping) and _holds_tables(value))
        for value in node.values()
    )
