"""The promises of the `Detector` protocol as checks that any detector can be put through.

`for check in checks(): check(MyDetector)`. Each check makes its own seeded data, returns nothing
when the promise holds, and raises ConformanceError saying which one is broken.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ConformanceError, ModelError
from boxwatch.models.detector import Detector, Matrix, Saved, Vector

Check = Callable[[type[Detector]], None]

_FEATURES: Final = 6
_SEED: Final = 7
_FAR: Final = 50.0
_WILD: Final = (np.inf, -np.inf, 1e30, -1e30, np.nan)


def checks() -> list[Check]:
    """Every check, in the order in which their findings help most."""
    return [
        scores_are_finite_float32,
        higher_is_stranger,
        excursions_never_lower_the_score,
        unknown_is_not_strange,
        wild_values_are_survived,
        same_seed_same_scores,
        row_order_does_not_matter,
        one_row_scores_as_among_many,
        no_rows_no_scores,
        too_few_rows_are_refused,
        other_columns_are_refused,
        asked_before_fit_is_refused,
        unknown_columns_are_survived,
        constant_columns_are_survived,
        duplicated_columns_are_survived,
        contributions_sum_to_the_score,
        training_data_is_left_alone,
        saved_is_arrays_and_json,
        loaded_scores_are_identical,
        damaged_model_is_refused,
    ]


def scores_are_finite_float32(detector: type[Detector]) -> None:
    """A score is float32, one a row, finite."""
    x = _windows(detector)
    scores = _fitted(detector, x).score(x)
    _expect(detector, scores.dtype == np.float32, f"scores are {scores.dtype}, not float32")
    _expect(detector, scores.shape == (len(x),), f"scores have shape {scores.shape!r}")
    _expect(detector, bool(np.isfinite(scores).all()), "a score is not finite")


def higher_is_stranger(detector: type[Detector]) -> None:
    """A point far out in every feature scores above the 99th percentile of training."""
    x = _windows(detector)
    model = _fitted(detector, x)
    usual = float(np.percentile(model.score(x), 99))
    signs = np.where(np.arange(_FEATURES) % 2 == 0, 1.0, -1.0)
    for way in (1.0, -1.0):
        score = float(model.score((signs * way * _FAR)[None, :].astype(np.float32))[0])
        _expect(detector, score > usual, f"a point far out scores {score!r}, usual is {usual!r}")


def excursions_never_lower_the_score(detector: type[Detector]) -> None:
    """Beyond the training range, one feature going farther out never scores less."""
    x = _windows(detector)
    model = _fitted(detector, x)
    sizes = float(np.abs(x).max()) * np.array([1.0, 1.5, 2.0, 5.0, 20.0, 100.0, 1000.0])
    for feature in range(_FEATURES):
        for way in (1.0, -1.0):
            row = np.zeros((len(sizes), _FEATURES), np.float32)
            row[:, feature] = sizes * way
            steps = np.diff(model.score(row).astype(np.float64))
            worst = float(steps.min())
            _expect(detector, worst >= -1e-5, f"feature {feature}: the score falls by {-worst!r}")


def unknown_is_not_strange(detector: type[Detector]) -> None:
    """NaN scores as 0, the usual value."""
    x = _windows(detector)
    model = _fitted(detector, x)
    hidden = x[:50].copy()
    hidden[::2, ::2] = np.nan
    same = np.array_equal(model.score(hidden), model.score(np.nan_to_num(hidden)))
    _expect(detector, same, "NaN does not score as the usual value 0")


def wild_values_are_survived(detector: type[Detector]) -> None:
    """Infinite and huge values give finite scores, in training and in scoring."""
    x = _windows(detector)
    wild = x.copy()
    for row, value in enumerate(_WILD):
        wild[row] = value
        wild[row + len(_WILD), row] = value
    for model in (_fitted(detector, x), _fitted(detector, wild)):
        finite = (
            np.isfinite(model.score(wild)).all() and np.isfinite(model.contributions(wild)).all()
        )
        _expect(
            detector, bool(finite), "an infinite or huge value gives a score that is not finite"
        )


def same_seed_same_scores(detector: type[Detector]) -> None:
    """Two fits with one seed score alike, to the bit."""
    x = _windows(detector)
    first, second = _fitted(detector, x).score(x), _fitted(detector, x).score(x)
    _expect(detector, np.array_equal(first, second), "two fits with one seed differ")


def row_order_does_not_matter(detector: type[Detector]) -> None:
    """Neither the order of training rows nor that of scored rows changes a score."""
    x = _windows(detector)
    order = np.random.default_rng(_SEED).permutation(len(x))
    model, other = _fitted(detector, x), _fitted(detector, x[order])
    _close(detector, other.score(x), model.score(x), "the order of the training rows matters")
    _close(detector, model.score(x[order]), model.score(x)[order], "the order of rows matters")


def one_row_scores_as_among_many(detector: type[Detector]) -> None:
    """A row alone scores as it does in a batch."""
    x = _windows(detector)
    model = _fitted(detector, x)
    alone = np.concatenate([model.score(x[row : row + 1]) for row in range(30)])
    _close(detector, alone, model.score(x)[:30], "a row alone scores differently")


def no_rows_no_scores(detector: type[Detector]) -> None:
    """An empty matrix gives empty scores and contributions."""
    model = _fitted(detector, _windows(detector))
    none = np.empty((0, _FEATURES), np.float32)
    _expect(detector, model.score(none).shape == (0,), "no rows do not give no scores")
    _expect(detector, model.contributions(none).shape == none.shape, "no rows are explained")


def too_few_rows_are_refused(detector: type[Detector]) -> None:
    """Fewer rows than `least_windows` raise ModelError; exactly that many do not."""
    least = detector.least_windows
    x = _windows(detector)[:least]
    _fitted(detector, x)
    _refused(detector, lambda: _fitted(detector, x[: least - 1]), "a fit on too few rows")


def other_columns_are_refused(detector: type[Detector]) -> None:
    """A matrix with other columns than the training one raises ModelError."""
    x = _windows(detector)
    model = _fitted(detector, x)
    _refused(detector, lambda: model.score(x[:, 1:]), "a matrix that lacks a column")


def asked_before_fit_is_refused(detector: type[Detector]) -> None:
    """Scoring or saving before `fit` raises ModelError."""
    x = _windows(detector)
    _refused(detector, lambda: detector().score(x), "scoring before the fit")
    _refused(detector, lambda: detector().save(), "saving before the fit")


def unknown_columns_are_survived(detector: type[Detector]) -> None:
    """A column that is unknown throughout training leaves the others working."""
    x = _windows(detector)
    x[:, 1] = np.nan
    _still_sees(detector, x, feature=0)


def constant_columns_are_survived(detector: type[Detector]) -> None:
    """A column that never changes in training leaves the others working."""
    x = _windows(detector)
    x[:, 1] = 0.25
    _still_sees(detector, x, feature=0)


def duplicated_columns_are_survived(detector: type[Detector]) -> None:
    """A column that repeats another leaves the others working."""
    x = _windows(detector)
    x[:, 2] = x[:, 1]
    _still_sees(detector, x, feature=0)


def contributions_sum_to_the_score(detector: type[Detector]) -> None:
    """Contributions are float32, not negative, shaped as the input, and rows sum to the score."""
    x = _windows(detector)
    model = _fitted(detector, x)
    rows = np.vstack([x, 20.0 * x[:20], np.full((1, _FEATURES), np.nan, np.float32)])
    parts = model.contributions(rows)
    _expect(detector, parts.dtype == np.float32, f"contributions are {parts.dtype}, not float32")
    _expect(detector, parts.shape == rows.shape, f"contributions have shape {parts.shape!r}")
    _expect(detector, bool((parts >= 0.0).all()), "a contribution is negative")
    sums = parts.sum(axis=1, dtype=np.float64)
    right = np.allclose(sums, model.score(rows), rtol=1e-4, atol=1e-6)
    _expect(detector, right, "contributions do not sum to the score")


def training_data_is_left_alone(detector: type[Detector]) -> None:
    """Nothing writes to the caller's arrays, and changing them later changes no score."""
    x = _windows(detector)
    kept, probe = x.copy(), x[:20].copy()
    model = _fitted(detector, x)
    before = model.score(probe)
    model.contributions(probe)
    untouched = np.array_equal(x, kept) and np.array_equal(probe, kept[:20])
    _expect(detector, untouched, "the caller's array was written to")
    x[:] = 1e3
    _expect(detector, np.array_equal(model.score(probe), before), "the training array is shared")


def saved_is_arrays_and_json(detector: type[Detector]) -> None:
    """What is saved needs no pickle: arrays of numbers and a mapping that JSON carries."""
    saved = _fitted(detector, _windows(detector)).save()
    for key, array in saved.arrays.items():
        _expect(detector, array.dtype.kind in "fiub", f"array {key!r} is of type {array.dtype}")
    same = json.loads(json.dumps(dict(saved.meta), allow_nan=False)) == dict(saved.meta)
    _expect(detector, same, "the meta mapping does not survive JSON")


def loaded_scores_are_identical(detector: type[Detector]) -> None:
    """A loaded detector scores and explains as the saved one, to the bit."""
    x = _windows(detector)
    model = _fitted(detector, x)
    saved = model.save()
    arrays = {key: _through_bytes(array) for key, array in saved.arrays.items()}
    loaded = detector.load(Saved(arrays, json.loads(json.dumps(dict(saved.meta)))))
    for left, right in (
        (loaded.score(x), model.score(x)),
        (loaded.contributions(x), model.contributions(x)),
    ):
        _expect(detector, np.array_equal(left, right), "a loaded detector differs from the saved")
    again = loaded.save()
    whole = dict(again.meta) == dict(saved.meta) and again.arrays.keys() == saved.arrays.keys()
    _expect(detector, whole, "a loaded detector saves something else")


def damaged_model_is_refused(detector: type[Detector]) -> None:
    """A saved model that lacks an array or its meta, or has one misshapen, raises ModelError."""
    saved = _fitted(detector, _windows(detector)).save()
    _refused(detector, lambda: detector.load(Saved(saved.arrays, {})), "a model without meta")
    for key, array in saved.arrays.items():
        others = {name: other for name, other in saved.arrays.items() if name != key}
        for arrays in (others, {**others, key: array[None]}):
            load = partial(detector.load, Saved(arrays, saved.meta))
            _refused(detector, load, f"a model without a right {key!r}")


def _windows(detector: type[Detector]) -> Matrix:
    """Standardised windows with correlated features, two usual situations and a heavy tail."""
    rng = np.random.default_rng(_SEED)
    rows = max(500, 2 * detector.least_windows)
    load = rng.standard_normal((rows, 1)) + 2.0 * (rng.random((rows, 1)) < 0.3)
    x = 0.7 * load + 0.6 * rng.standard_normal((rows, _FEATURES))
    x[:, -1] = 0.5 * rng.standard_t(3, rows)
    return x.astype(np.float32)


def _fitted(detector: type[Detector], x: Matrix) -> Detector:
    model = detector()
    model.fit(x, _SEED)
    return model


def _still_sees(detector: type[Detector], x: Matrix, feature: int) -> None:
    model = _fitted(detector, x)
    scores = model.score(x)
    _expect(detector, bool(np.isfinite(scores).all()), "a score is not finite")
    probe = x[:1].copy()
    before = float(model.score(probe)[0])
    probe[0, feature] = _FAR
    after = float(model.score(probe)[0])
    _expect(detector, after > before, f"feature {feature} far out scores {after!r} <= {before!r}")


def _through_bytes(array: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.dtype.kind not in "fiub":
        raise ConformanceError(f"An array of type {array.dtype} cannot be kept without pickle.")
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def _close(detector: type[Detector], left: Vector, right: Vector, broken: str) -> None:
    _expect(detector, bool(np.allclose(left, right, rtol=1e-5, atol=1e-6)), broken)


def _refused(detector: type[Detector], act: Callable[[], object], what: str) -> None:
    try:
        act()
    except ModelError:
        return
    raise ConformanceError(f"{detector.name}: {what} does not raise ModelError.")


def _expect(detector: type[Detector], holds: bool, broken: str) -> None:
    if not holds:
        raise ConformanceError(f"{detector.name}: {broken}.", hint="See models.detector.Detector.")
