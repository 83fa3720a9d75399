"""The models one can choose from, each with what it is good at, what it costs and what it needs.

Names are those of `parts.MODELS`, which loads them. The figures behind the words are in
docs/benchmarks.md. Rows in their temporal context (`models.context`) serve every detector better
than rows alone where a fault is a way of moving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class ModelKind:
    """One model, in words.

    `takes` is what its rows are: `windows` of features, alone or in their temporal context;
    `readings`, a row with those before it (`models.readings.lagged`); or `labelled`, windows of
    which is known whether they are faults (`models.Classifier`). `needs` is empty where numpy is
    enough.
    """

    good_at: str
    cost: str
    takes: str = "windows"
    needs: str = ""


_TO_LEARN: Final = "boxwatch[deep]: torch and lightning to learn, onnxruntime to score"

ZOO: Final[Mapping[str, ModelKind]] = MappingProxyType(
    {
        "robust_z": ModelKind(
            "one or a few metrics far out; works from three windows on",
            "next to nothing",
        ),
        "pca": ModelKind(
            "metrics that part ways though each is within its range",
            "one product of matrices; grows with the square of the features",
        ),
        "mahalanobis": ModelKind(
            "both of these at once; the best of the table in temporal context",
            "one product of matrices; grows with the square of the features",
        ),
        "nearest": ModelKind(
            "machines with many, bent or rare usual situations",
            "a distance to each of 2,000 remembered rows",
        ),
        "kmeans": ModelKind(
            "machines with a handful of usual situations",
            "a distance to each of 16 centres",
        ),
        "isolation_forest": ModelKind(
            "rare combinations, whatever the shape of the rest",
            "100 walks down a tree; saturates outside of training",
        ),
        "one_class_svm": ModelKind(
            "a smooth border around bent usual situations",
            "learning grows with the square of the rows, at most 2,000; scoring is cheap",
        ),
        "ecod": ModelKind(
            "single rare readings; nothing to set, each reading's rarity is its reason",
            "two searches a reading",
        ),
        "hbos": ModelKind(
            "single rare readings, also those between two usual ranges",
            "one look into a table a reading",
        ),
        "half_space_trees": ModelKind(
            "streams whose usual changes: it learns window by window while it scores",
            "50 walks down a tree; saturates outside of training",
        ),
        "random_forest": ModelKind(
            "faults like those it was shown, as a calibrated probability",
            "100 walks down a tree",
            takes="labelled",
        ),
        "lstm_autoencoder": ModelKind(
            "courses of readings that were never seen in training",
            "minutes to learn; two passes of a network over each row's past",
            takes="readings",
            needs=_TO_LEARN,
        ),
        "lstm_forecaster": ModelKind(
            "readings that do not go on as their past lets expect",
            "minutes to learn; one pass of a network over each row's past",
            takes="readings",
            needs=_TO_LEARN,
        ),
    }
)
