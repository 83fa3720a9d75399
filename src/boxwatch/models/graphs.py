"""Opening ONNX graphs: one thread, the processor, and errors that say what to do."""

from __future__ import annotations

from typing import Any, Final

import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
from onnxruntime.capi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    onnxruntime_pybind11_state as runtime,
)

from boxwatch.errors import ModelError

UNREADABLE: Final = (
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


def opened(graph: bytes) -> Any:  # noqa: ANN401 - onnxruntime may be missing
    """A session that runs `graph`.

    Raises:
        ModelError: `graph` is none.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except UNREADABLE as error:
        raise ModelError(
            f"The saved network cannot be read: {str(error)[:200]}.",
            hint="The model file is damaged or from another version: train again.",
        ) from None
