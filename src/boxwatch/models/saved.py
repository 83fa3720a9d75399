"""Reading a model at rest: what is missing or of the wrong kind is a ModelError, not a KeyError."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.detector import Saved

_HINT = "The model file is damaged or from another version: train again."


def not_fitted(name: str) -> ModelError:
    """The error of a model that is asked before it has learned."""
    return ModelError(f"{name} has not been fitted.", hint="Call fit first, or load a saved model.")


def expect(saved: Saved, name: str, version: int) -> None:
    """Raise ModelError unless `saved` is version `version` of the model `name`."""
    found = (saved.meta.get("model"), saved.meta.get("version"))
    if found != (name, version):
        raise ModelError(f"Expected a saved {name!r} version {version}, not {found!r}.", hint=_HINT)


def floats(saved: Saved, key: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """The float64 array `key`, a copy; None in `shape` stands for any length.

    Raises:
        ModelError: there is no such array, or it has another shape or a value that is NaN.
    """
    array = _array(saved, key, shape).astype(np.float64)
    if bool(np.isnan(array).any()):
        raise ModelError(f"The saved array {key!r} holds a value that is no number.", hint=_HINT)
    return array


def ints(saved: Saved, key: str, shape: tuple[int | None, ...], below: int) -> NDArray[np.int64]:
    """The array `key` as int64, a copy, each value from 0 to less than `below`."""
    array = _array(saved, key, shape).astype(np.int64)
    if bool((array < 0).any() | (array >= below).any()):
        raise ModelError(f"The saved array {key!r} holds a value out of range.", hint=_HINT)
    return array


def number(saved: Saved, key: str) -> float:
    """The number `key` of the meta mapping."""
    value = saved.meta.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"The saved {key!r} is {value!r}, not a number.", hint=_HINT)
    return float(value)


def whole(saved: Saved, key: str) -> int:
    """The whole number `key` of the meta mapping."""
    return int(number(saved, key))


def _array(saved: Saved, key: str, shape: tuple[int | None, ...]) -> NDArray[np.generic]:
    array = saved.arrays.get(key)
    if array is None or array.dtype.kind not in "fiu":
        raise ModelError(f"The saved model has no array of numbers {key!r}.", hint=_HINT)
    right = len(array.shape) == len(shape) and all(
        want is None or want == length for want, length in zip(shape, array.shape, strict=True)
    )
    if not right:
        raise ModelError(
            f"The saved array {key!r} has shape {array.shape!r}, not {shape!r}.", hint=_HINT
        )
    return array
