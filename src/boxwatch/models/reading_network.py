"""A network that reads courses of readings: an ONNX graph, run by ONNX Runtime.

The graph takes `read`, float32 (windows, steps, metrics), oldest first, and gives `said`, float32
(windows, values): what it makes of them. It needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.models.graphs import opened

Float32 = NDArray[np.float32]

_BLOCK_ROWS: Final = 1024


@dataclass(frozen=True, slots=True)
class ReadingLesson:
    """What a network is to learn: `said` (windows, values) from `read` (windows, steps, metrics).

    `rebuilds`: whether `said` is what was read, oldest first, through a bottleneck; else it is the
    row that came next. `updates`: steps of the optimiser.
    """

    read: Float32
    said: Float32
    rebuilds: bool
    updates: int
    seed: int


Train = Callable[[ReadingLesson], bytes]  # to a graph


class ReadingNetwork:
    """The network of `graph`.

    Raises:
        ModelError: `graph` is no such graph.

    """

    def __init__(self, graph: bytes) -> None:
        self.graph = graph
        self._session = opened(graph)
        self.shape = tuple(self._session.get_inputs()[0].shape[1:])
        self.values = self._session.get_outputs()[0].shape[-1]

    def said(self, read: Float32) -> Float32:
        """What the network makes of each window."""
        parts = [np.empty((0, self.values), np.float32)]
        for start in range(0, len(read), _BLOCK_ROWS):
            (said,) = self._session.run(["said"], {"read": read[start : start + _BLOCK_ROWS]})
            parts.append(said)
        return np.vstack(parts)
