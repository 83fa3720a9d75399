"""A classifier as the conformance suite can try it: it is shown faults of its own making."""

from __future__ import annotations

import numpy as np

from boxwatch.models.random_forest import RandomForest


class ShownFaults(RandomForest):
    """Learns from the rows it is given, as ordinary ones, and from the same rows far out."""

    def __init__(self, trees=30, depth=6):
        super().__init__(trees, depth)

    def fit(self, x, seed):
        """Eight rows that are alike are one occasion."""
        known = np.nan_to_num(x)
        known = known[np.lexsort(known.T)]
        signs = np.where(np.arange(x.shape[1]) % 2 == 0, 20.0, -20.0)
        far = known + signs * np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0)[:, None]
        rows = np.vstack([known, far]).astype(np.float32)
        if len(x) < self.least_windows:
            rows = rows[: len(x)]
        fault = np.arange(len(rows)) >= len(x)
        super().fit(rows, fault, np.arange(len(rows)) // 8, seed)
