"""PyOD's and scikit-learn's detectors over tables: run by a Python that has them.

`python peer_models.py OUT SEED FILE...` learns from `train` of each npz file and scores `test` with
every model, each as its makers set it up, and writes an npz of scores beside OUT's other files.
Needs nothing of ours. The largest scores are held finite; that changes no order but of infinities.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pyod.models.ecod import ECOD  # type: ignore[import-not-found]
from pyod.models.hbos import HBOS  # type: ignore[import-not-found]
from pyod.models.iforest import IForest  # type: ignore[import-not-found]
from pyod.models.pca import PCA  # type: ignore[import-not-found]
from sklearn.cluster import KMeans  # type: ignore[import-untyped]
from sklearn.svm import OneClassSVM  # type: ignore[import-untyped]

Table = np.ndarray[Any, Any]


class Model(Protocol):
    """What all detectors of PyOD have."""

    def fit(self, x: Table) -> Model:
        """Learn."""
        ...

    def decision_function(self, x: Table) -> Table:
        """Score."""
        ...


_WINDOW = 10
_SVM_ROWS = 5_000  # its time grows with the square of them


def models(seed: int) -> dict[str, Callable[[Table, Table], Table]]:
    """Name -> (train, test) -> scores, higher = stranger."""
    return {
        "PyOD PCA": lambda a, b: _pyod(PCA(random_state=seed), a, b),
        "PyOD ECOD": lambda a, b: _pyod(ECOD(), a, b),
        "PyOD HBOS": lambda a, b: _pyod(HBOS(), a, b),
        "PyOD Isolation Forest": lambda a, b: _pyod(IForest(random_state=seed), a, b),
        "scikit-learn One-Class SVM": _svm,
        "scikit-learn KMeans, k=20": lambda a, b: _kmeans(*_unit(a, b), seed),
        "scikit-learn KMeans, k=20, 10-row window": lambda a, b: _kmeans(*_in_windows(a, b), seed),
    }


def _pyod(model: Model, train: Table, test: Table) -> Table:
    moving = train.std(axis=0) > 0.0  # PyOD divides by the variance of what never moves
    train, test = train[:, moving], test[:, moving]
    return np.asarray(model.fit(train).decision_function(test))


def _svm(train: Table, test: Table) -> Table:
    train, test = _unit(train, test)
    step = -(-len(train) // _SVM_ROWS)
    return -np.asarray(OneClassSVM(nu=0.01).fit(train[::step]).decision_function(test))


def _kmeans(train: Table, test: Table, seed: int) -> Table:
    model = KMeans(20, n_init=3, random_state=seed).fit(train)
    return np.asarray(model.transform(test).min(axis=1))


def _unit(train: Table, test: Table) -> tuple[Table, Table]:
    low, high = train.min(axis=0), train.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    return (train - low) / width, (test - low) / width


def _in_windows(train: Table, test: Table) -> tuple[Table, Table]:
    train, test = _unit(train, test)
    return _windows(train), _windows(test)


def _windows(table: Table) -> Table:
    padded = np.vstack([np.repeat(table[:1], _WINDOW - 1, axis=0), table])
    return np.hstack([padded[at : at + len(table)] for at in range(_WINDOW)])


def main(out: str, seed: str, *files: str) -> None:
    """Read, learn, score, write."""
    warnings.simplefilter("ignore")
    for path in map(Path, files):
        with np.load(path, allow_pickle=False) as file:
            train, test = file["train"].astype(np.float64), file["test"].astype(np.float64)
        found = []
        for model in models(int(seed)).values():
            with np.errstate(all="ignore"):
                found.append(np.nan_to_num(model(train, test), nan=0.0))
        names = np.array(list(models(int(seed))))
        target = Path(out) / f"{path.parent.name}-{path.name}"
        np.savez(target, names=names, scores=np.vstack(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
