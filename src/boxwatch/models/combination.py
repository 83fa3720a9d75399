"""One p-value from several detectors that saw the same window.

Bonferroni: k times the least p-value, k being the detectors that had an opinion. Detectors share
their input, so nothing may be assumed of their dependence, and this rule is valid under any.

Why not a mean: the harmonic mean is valid under any dependence only times e·ln k (Vovk and Wang,
"Combining p-values via averaging", Biometrika 2020), 3.8 for four detectors. It then beats
Bonferroni only when all of them agree nearly exactly, by 6 %, and loses up to 3.8-fold when one
alone sees the fault, which is the usual case: the detectors were chosen to see different things.
The Cauchy rule (Liu and Xie, JASA 2020) needs no such factor, but holds only as p goes to 0 and
under pairwise normal dependence, and one p-value near 1 can hide a small one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError


def combine(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The combined p-value of each window.

    Args:
        p: Shape (windows, detectors), each in (0, 1]; NaN = that detector has no opinion.

    Returns:
        Shape (windows,), in (0, 1], valid under any dependence, and never falling when a p-value
        rises. NaN where no detector has an opinion: unknown, which is not the same as usual.

    Raises:
        ModelError: `p` is not a matrix, or holds a value outside [0, 1].
    """
    if p.ndim != 2:
        raise ModelError(f"combine takes p-values (windows, detectors), not shape {p.shape!r}.")
    known = ~np.isnan(p)
    if bool(np.any(known & ~((p >= 0.0) & (p <= 1.0)))):
        raise ModelError("combine takes p-values from 0 to 1.", hint="Calibrate the scores first.")
    opinions = known.sum(axis=1)
    least = np.where(known, p, 1.0).min(axis=1, initial=1.0)
    combined = np.minimum(np.maximum(least * opinions, np.finfo(np.float64).tiny), 1.0)
    return np.where(opinions > 0, combined, np.nan)
