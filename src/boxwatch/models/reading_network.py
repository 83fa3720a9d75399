"""A network that reads courses of readings: an ONNX graph, run by ONNX Runtime.

The graph takes `read`, float32 (windows, steps, metrics), oldest first, and gives `said`, float32
(windows, values): what it makes of them. It needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from onnxruntime.capi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    onnxruntime_pybind11_state as runtime,
)

from boxwatch.errors import ModelError

Float32 = NDArray[np.float32]

_UNREADABLE: Final = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
    TypeError,  # a shape that is not the graph's
    IndexError,
    ValueError,
)
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
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
            self.shape = tuple(self._session.get_inputs()[0].shape[1:])
            self.values = self._session.get_outputs()[0].shape[-1]
        except _UNREADABLE as error:
            raise ModelError(
                f"The saved network cannot be read: {str(error)[:200]}.",
                hint="The model file is damaged or from another version: train again.",
            ) from None

    def said(self, read: Float32) -> Float32:
        """What the network makes of each window."""
        parts = [np.empty((0, self.values), np.float32)]
        for start in range(0, len(read), _BLOCK_ROWS):
            (said,) = self._session.run(["said"], {"read": read[start : start + _BLOCK_ROWS]})
            parts.append(said)
        return np.vstack(parts)
