"""The weights of a One-Class SVM: a quadratic problem, solved two weights at a time.

Sequential minimal optimisation with second-order choice of the pair (Fan, Chen and Lin, "Working
set selection using second order information for training support vector machines", JMLR 6, 2005),
the way of LIBSVM and so of scikit-learn.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from boxwatch.models.matrix import Float64

_ENOUGH: Final = 1e-4  # of the kernel's height: how far the gradients of free weights may differ
_STEPS_A_ROW: Final = 20
_TINY: Final = 1e-12


def support_weights(kernel: Float64, nu: float) -> Float64:
    """Minimise w' K w / 2 with sum(w) = 1 and 0 <= w <= 1 / (nu * rows); most are exactly 0.

    Args:
        kernel: Shape (rows, rows), symmetric, 1 on the diagonal.
        nu: Above 0, at most 1.
    """
    rows = len(kernel)
    most = max(1.0 / (nu * rows), 1.0 / rows)
    weights = np.zeros(rows)
    full = int(1.0 / most)
    weights[:full] = most
    if full < rows:
        weights[full] = 1.0 - full * most
    gradient = kernel[:, : full + 1] @ weights[: full + 1]
    for _ in range(_STEPS_A_ROW * rows):
        may_grow = np.where(weights < most, gradient, np.inf)
        grows = int(may_grow.argmin())
        gain = np.where(weights > 0.0, gradient - gradient[grows], 0.0)
        if gain.max() < _ENOUGH:
            break
        bend = np.maximum(2.0 - 2.0 * kernel[grows], _TINY)
        shrinks = int((np.square(np.maximum(gain, 0.0)) / bend).argmax())
        step = min(
            gain[shrinks] / bend[shrinks],
            most - weights[grows],
            weights[shrinks],
        )
        weights[grows] = min(weights[grows] + step, most)
        weights[shrinks] = max(weights[shrinks] - step, 0.0)
        gradient += step * (kernel[grows] - kernel[shrinks])
    return np.asarray(weights / weights.sum(), dtype=np.float64)
