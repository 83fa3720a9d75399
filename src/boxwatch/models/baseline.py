"""Standardisation: what is usual for each entity, so that one model serves all of them.

Location is the median. The spread is the larger of the MAD (times 1.4826) and the 5-95 %
range (over 3.29), both 1 for a standard normal: the MAD alone is blind to a machine that is idle
60 % of the time and busy 40 %. It is drawn towards a prior spread while windows are few,

    spread^2 = (w * prior^2 + n * own^2) / (w + n),    and never below the feature's floor.

Unknown (NaN) is left out when fitting and stays unknown when standardising.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.detector import Matrix, Saved
from boxwatch.models.matrix import LIMIT
from boxwatch.models.saved import expect, floats

Float64 = NDArray[np.float64]

_VERSION: Final = 1
_WIDER: Final = 2.0  # the spread of an unseen entity, over that of all entities pooled
_TINY: Final = 1e-9


class Baseline:
    """Location and spread of every feature of one view, per entity. Made by `fit` or `load`."""

    name: ClassVar[str] = "baseline"

    def __init__(self, location: Float64, spread: Float64) -> None:
        self._location = location  # (entities + 1, features); the last row is an unseen entity's
        self._spread = spread

    @classmethod
    def fit(  # noqa: PLR0913 - the data, what is expected of them, and its weight
        cls,
        x: Float64,
        entity: NDArray[np.integer],
        *,
        prior: Float64,
        floor: Float64,
        entities: int,
        prior_weight: float = 20.0,
    ) -> Self:
        """Learn what is usual.

        Args:
            x: Feature values (windows, features), NaN = unknown; no windows is allowed.
            entity: Number of each window's entity, shape (windows,), below `entities`.
            prior: The spread to expect of each feature, shape (features,).
            floor: The least spread of each feature, shape (features,).
            entities: How many entities there are; one without windows is as an unseen one.
            prior_weight: How many windows the prior spread counts for.

        Raises:
            ModelError: the shapes do not agree, or an entity number is out of range.
        """
        _check(x, entity, prior, floor, entities)
        values = np.where(np.isfinite(x), x, np.nan)
        number = entity.astype(np.int64)
        size, middle, wide = _learn(values, np.zeros_like(number), 1)
        wide = _WIDER * _blend(wide, size, prior, prior_weight)
        middle = np.where(size > 0, middle, 0.0)
        size, location, spread = _learn(values, number, entities)
        location = np.where(size > 0, location, middle)
        spread = np.where(size > 0, _blend(spread, size, prior, prior_weight), wide)
        least = np.maximum(floor, _TINY)
        spread = np.maximum(np.vstack([spread, wide]), least)
        return cls(np.vstack([location, middle]), spread)

    def standardise(self, x: Float64, entity: NDArray[np.integer]) -> Matrix:
        """(x - location) / spread as float32, within ±`LIMIT`.

        Args:
            x: Feature values (windows, features), NaN = unknown, which stays NaN.
            entity: Number of each window's entity; one that was not fitted (-1, say) takes the
                pooled location and twice the pooled spread.
        """
        row = self._rows(entity)
        z = (x - self._location[row]) / self._spread[row]
        np.clip(z, -LIMIT, LIMIT, out=z)
        return np.asarray(z, dtype=np.float32)

    def usual(self, entity: int) -> tuple[Float64, Float64]:
        """Location and spread of each feature for one entity, shape (features,) each."""
        row = int(self._rows(np.array([entity]))[0])
        return self._location[row].copy(), self._spread[row].copy()

    def save(self) -> Saved:
        """Locations and spreads."""
        return Saved(
            {"location": self._location, "spread": self._spread},
            {"model": self.name, "version": _VERSION},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The baseline that `save` described."""
        expect(saved, cls.name, _VERSION)
        location = floats(saved, "location", (None, None))
        return cls(location, floats(saved, "spread", location.shape))

    def _rows(self, entity: NDArray[np.integer]) -> NDArray[np.int64]:
        last = len(self._location) - 1
        number = entity.astype(np.int64)
        number[(number < 0) | (number > last)] = last
        return number


def watched(z: Matrix, high: NDArray[np.bool_], low: NDArray[np.bool_]) -> Matrix:
    """`z` with 0 for every excursion in a direction that nobody watches.

    Args:
        z: Standardised windows (windows, features).
        high: Per feature, whether more than usual may be a finding.
        low: Per feature, whether less than usual may be one.
    """
    unwatched = ((z > 0.0) & ~high) | ((z < 0.0) & ~low)
    return np.where(unwatched, np.float32(0.0), z).astype(np.float32)


def _learn(x: Float64, group: NDArray[np.int64], groups: int) -> tuple[Float64, Float64, Float64]:
    """How many values are known, their median and spread, shape (groups, features) each.

    Median and spread are NaN where nothing is known.
    """
    known = _count_known(x, group, groups)
    median, low, high = _quantiles(x, group, known, (0.5, 0.05, 0.95))
    (mad,) = _quantiles(np.abs(x - median[group]), group, known, (0.5,))
    return known, median, np.maximum(mad * 1.4826, (high - low) / 3.29)


def _count_known(x: Float64, group: NDArray[np.int64], groups: int) -> Float64:
    """How many values are known (not NaN) per group and feature."""
    known = np.zeros((groups, x.shape[1]))
    for column, values in enumerate(x.T):
        known[:, column] = np.bincount(group, weights=~np.isnan(values), minlength=groups)
    return known


def _quantiles(
    x: Float64, group: NDArray[np.int64], known: Float64, levels: tuple[float, ...]
) -> list[Float64]:
    """Quantiles of the known values per group and feature, without a loop over groups."""
    found = [np.full(known.shape, np.nan) for _ in levels]
    # A stable sort of 16-bit keys is a radix sort, several times faster than of 64-bit ones.
    key = group.astype(np.uint16) if len(known) <= np.iinfo(np.uint16).max else group
    first = np.searchsorted(np.sort(key), np.arange(len(known)))
    for column in range(x.shape[1] if len(x) > 0 else 0):
        order = np.argsort(x[:, column])  # unknown values come last
        ordered = x[order[np.argsort(key[order], kind="stable")], column]
        for level, out in zip(levels, found, strict=True):
            place = level * np.maximum(known[:, column] - 1.0, 0.0)
            below = np.minimum(first + place.astype(np.int64), len(x) - 1)
            above = np.minimum(first + np.ceil(place).astype(np.int64), len(x) - 1)
            part = place - np.floor(place)
            value = ordered[below] * (1.0 - part) + ordered[above] * part
            out[:, column] = np.where(known[:, column] > 0.0, value, np.nan)
    return found


def _blend(own: Float64, size: Float64, prior: Float64, weight: float) -> Float64:
    own = np.where(size > 0, own, 0.0)
    squared = (weight * np.square(prior) + size * np.square(own)) / np.maximum(weight + size, _TINY)
    return np.asarray(np.sqrt(squared), dtype=np.float64)


def _check(
    x: Float64, entity: NDArray[np.integer], prior: Float64, floor: Float64, entities: int
) -> None:
    if x.ndim != 2 or entity.shape != x.shape[:1]:
        raise ModelError(
            f"A baseline takes windows (rows, features) and one entity a row, "
            f"not {x.shape!r} and {entity.shape!r}."
        )
    if prior.shape != x.shape[1:] or floor.shape != x.shape[1:]:
        raise ModelError(
            f"Prior and floor need one value a feature: {x.shape[1]}, "
            f"not {prior.shape!r} and {floor.shape!r}."
        )
    if not bool(np.isfinite(prior).all() & np.isfinite(floor).all()):
        raise ModelError("Prior and floor must be finite.")
    if len(entity) > 0 and (int(entity.min()) < 0 or int(entity.max()) >= entities):
        raise ModelError(
            f"Entity numbers run from {int(entity.min())} to {int(entity.max())}; "
            f"with {entities} entities they may be 0 to {entities - 1}."
        )
