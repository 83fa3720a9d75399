"""What a table of features looked like: counts in cells, stretch by stretch of time.

A profile is all that a later comparison needs of the rows it was made from, some 20 KiB a feature
whatever the rows: it is kept beside a model, and the rows may be forgotten.

The cells of a feature lie between and at quantiles of the reference: below the first edge, at it,
between it and the second, and so on. An edge is a cell of its own because features repeat values
(a count of 0, a clock at its limit): a jump of their distribution then lies between cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models import Saved

Float64 = NDArray[np.float64]
Counts = NDArray[np.int64]

LEAST_ROWS: Final = 200
_EDGES: Final = 50
_BLOCKS: Final = 64  # stretches of time whose spread says how sure a difference is
_LEAST_BLOCK: Final = 10  # rows
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """How often values of each feature fell into each cell, by stretch of time.

    Attributes:
        names: The features.
        edges: Shape (features, edges), rising; +inf where a feature has fewer distinct quantiles.
        counts: Shape (blocks, features, 2 * edges + 1): known values in each cell.
        unknown: Shape (blocks, features): values that were null or NaN.
        reach: Shape (features, 2): the least and the greatest finite value.
    """

    names: tuple[str, ...]
    edges: Float64
    counts: Counts
    unknown: Counts
    reach: Float64

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Self:
        """The profile of `rows`: one numeric column a feature, in the order of time.

        Raises:
            ModelError: fewer than `LEAST_ROWS` rows, or a column that holds no numbers.
        """
        return cls._counted(rows, np.vstack([_quantiles(column) for column in _columns(rows)]))

    def like(self, rows: pl.DataFrame) -> Self:
        """The profile of other `rows` in the cells of this one; columns are told by name.

        Raises:
            ModelError: as `of`, or a feature is not among the columns.
        """
        missing = [name for name in self.names if name not in rows.columns]
        if missing:
            raise ModelError(
                f"The rows have no columns {missing[:5]!r}.",
                hint="Compare tables of the same features; a feature that is gone is null.",
            )
        return self._counted(rows.select(self.names), self.edges)

    def distribution(self, name: str) -> tuple[Float64, Float64]:
        """The edges of the feature `name`, and the share of its known values up to each."""
        at = self.names.index(name)
        counts = self.counts[:, at].sum(axis=0)
        up_to = np.cumsum(counts) / max(int(counts.sum()), 1)
        used = np.isfinite(self.edges[at])
        return self.edges[at][used], up_to[1::2][used]

    @property
    def rows(self) -> int:
        """How many rows it was made from."""
        return int(self.counts[:, 0].sum() + self.unknown[:, 0].sum())

    @classmethod
    def _counted(cls, rows: pl.DataFrame, edges: Float64) -> Self:
        columns = _columns(rows)
        blocks = min(_BLOCKS, rows.height // _LEAST_BLOCK)
        bounds = np.linspace(0, rows.height, blocks + 1).astype(np.int64)
        counts = np.empty((blocks, len(columns), 2 * edges.shape[1] + 1), np.int64)
        unknown = np.empty((blocks, len(columns)), np.int64)
        reach = np.empty((len(columns), 2))
        for number, column in enumerate(columns):
            reach[number] = _reach(column)
            for block in range(blocks):
                part = np.sort(column[bounds[block] : bounds[block + 1]])  # NaN goes to the end
                known = int(np.searchsorted(part, np.nan))
                counts[block, number] = _cells(part[:known], edges[number])
                unknown[block, number] = len(part) - known
        return cls(tuple(rows.columns), edges, counts, unknown, reach)

    def save(self) -> Saved:
        """All of it."""
        arrays = {
            "edges": self.edges,
            "counts": self.counts,
            "unknown": self.unknown,
            "reach": self.reach,
        }
        return Saved(arrays, {"model": "profile", "version": _VERSION, "names": list(self.names)})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The profile that `save` described.

        Raises:
            ModelError: it is not one.
        """
        names = saved.meta.get("names")
        if saved.meta.get("model") != "profile" or saved.meta.get("version") != _VERSION:
            raise ModelError(
                f"Expected a profile of version {_VERSION}, not {dict(saved.meta)!r}.",
                hint="Train the model again: its profile is made with it.",
            )
        if not isinstance(names, Sequence) or saved.arrays["edges"].shape[0] != len(names):
            raise ModelError("The profile's names do not fit its cells.", hint="Train again.")
        arrays = saved.arrays
        return cls(
            tuple(map(str, names)),
            arrays["edges"].astype(np.float64),
            arrays["counts"].astype(np.int64),
            arrays["unknown"].astype(np.int64),
            arrays["reach"].astype(np.float64),
        )


def _columns(rows: pl.DataFrame) -> list[Float64]:
    """Each feature's values, float32 or float64, NaN = unknown."""
    if rows.height < LEAST_ROWS:
        raise ModelError(
            f"{rows.height} rows are too few to tell how features are distributed; "
            f"at least {LEAST_ROWS} are needed.",
            hint="Compare a longer stretch of time.",
        )
    found = []
    for column in rows:
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise ModelError(
                f"The column {column.name!r} holds {column.dtype}, not numbers.",
                hint="Select the feature columns.",
            )
        wide = pl.Float32 if column.dtype == pl.Float32 else pl.Float64
        found.append(column.cast(wide).fill_null(float("nan")).to_numpy())
    return found


def _quantiles(column: Float64) -> Float64:
    """Distinct quantiles of the known values, padded with +inf."""
    known = np.sort(column)
    known = known[: int(np.searchsorted(known, np.nan))]
    edges = np.full(_EDGES, np.inf)
    if len(known) > 0:
        at = np.linspace(0, len(known) - 1, _EDGES).astype(np.int64)
        distinct = np.unique(known[at])
        edges[: len(distinct)] = distinct
    return edges


def _cells(known: Float64, edges: Float64) -> Counts:
    """How many of the rising values `known` are in each cell."""
    edges = edges.astype(known.dtype)
    ends = np.empty(2 * len(edges) + 2, np.int64)
    ends[0], ends[-1] = 0, len(known)
    ends[1:-1:2] = np.searchsorted(known, edges, side="left")
    ends[2:-1:2] = np.searchsorted(known, edges, side="right")
    return np.asarray(np.diff(ends))


def _reach(column: Float64) -> tuple[float, float]:
    finite = column[np.isfinite(column)]
    return (float(finite.min()), float(finite.max())) if len(finite) > 0 else (0.0, 0.0)
