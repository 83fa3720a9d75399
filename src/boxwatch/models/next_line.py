"""A network that says which line comes next: an ONNX graph, run by ONNX Runtime.

The graph takes `read`, int64 (windows, steps), and gives `log_p`, float32 (windows, steps, codes):
the logarithm of how likely each code is after what was read. It needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import ModelError
from boxwatch.models.graphs import UNREADABLE, opened
from boxwatch.models.sequences import FIRST_CODE, STEPS, UNJUDGED, Coded

_OUTPUT_FLOATS: Final = 4 * 2**20  # of one batch


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a network is to learn: `read` and `come` (windows, steps), and how many codes there are.

    `come` is what comes after each place; `UNJUDGED` is not learned.
    """

    read: NDArray[np.int64]
    come: NDArray[np.int64]
    codes: int
    seed: int


Train = Callable[[Lesson], bytes]  # to a graph


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network says of the codes that came, one entry a code."""

    judged: NDArray[np.bool_]
    share: NDArray[np.float64]  # of all that might come: no likelier than what came; else 1
    expected: NDArray[np.int64]  # the likeliest code
    sure: NDArray[np.float64]  # how likely that was


class NextLine:
    """The network of `graph`.

    Raises:
        ModelError: `graph` is no such graph.

    """

    def __init__(self, graph: bytes) -> None:
        self.graph = graph
        self._session = opened(graph)
        try:
            self.codes = int(self._session.get_outputs()[0].shape[-1])
        except UNREADABLE as error:  # the output is no row of codes
            raise ModelError(
                f"The saved network cannot be read: {str(error)[:200]}.",
                hint="The model file is damaged or from another version: train again.",
            ) from None

    def judge(self, coded: Coded) -> Seen:
        """How likely what came was, at each code of `coded`."""
        size = len(coded.codes)
        seen = Seen(np.zeros(size, bool), np.ones(size), np.zeros(size, np.int64), np.zeros(size))
        rows = max(1, _OUTPUT_FLOATS // (STEPS * self.codes))
        for read, come, where in coded.batches(rows):
            (log_p,) = self._session.run(["log_p"], {"read": read})
            likely = np.exp(log_p.astype(np.float64))
            likely[..., :FIRST_CODE] = 0.0  # no line is OTHER or START
            judged = come != UNJUDGED
            likely, came, at = likely[judged], come[judged], where[judged]
            of_it = np.take_along_axis(likely, came[:, None], axis=1)
            seen.judged[at] = True
            seen.share[at] = np.where(likely <= of_it, likely, 0.0).sum(axis=1)
            seen.expected[at] = likely.argmax(axis=1)
            seen.sure[at] = likely.max(axis=1)
        return seen
