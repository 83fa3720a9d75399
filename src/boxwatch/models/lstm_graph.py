"""LSTMs as ONNX graphs, written operator by operator.

`torch.onnx.export` unrolls an LSTM into a loop of fixed length (torch 2.13), where ONNX has an
operator for it. Weights come by the names that torch gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,import-untyped,unused-ignore]

Weights = Mapping[str, NDArray[np.float32]]

_OPSET: Final = 17


def gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The four gates, one under the other, in the order of ONNX: input, output, forget, cell."""
    enter, forget, cell, leave = np.split(rows, 4)
    return np.ascontiguousarray(np.concatenate([enter, leave, forget, cell]))


def forecasting_graph(weights: Weights, steps: int) -> bytes:
    """The last row that was read, and what the LSTM `memory` and the layer `out` add to it."""
    metrics = len(weights["out.bias"])
    tensors: dict[str, NDArray[np.generic]] = {
        **_lstm(weights, "memory"),
        **_linear(weights),
        "last": np.array(steps - 1, np.int64),
        "first_axis": np.array([0], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["read"], ["in_time"], perm=[1, 0, 2]),
        _lstm_node("memory", "in_time", "", "kept", _cells(weights, "memory")),
        helper.make_node("Squeeze", ["kept", "first_axis"], ["remembered"]),
        helper.make_node("MatMul", ["remembered", "out"], ["product"]),
        helper.make_node("Add", ["product", "out_bias"], ["change"]),
        helper.make_node("Gather", ["in_time", "last"], ["last_row"], axis=0),
        helper.make_node("Add", ["last_row", "change"], ["said"]),
    ]
    return _serialised("forecast", nodes, tensors, (steps, metrics), metrics)


def rebuilding_graph(weights: Weights, steps: int) -> bytes:
    """What the LSTM `decoder` and the layer `out` make of the last state of the LSTM `memory`."""
    metrics = len(weights["out.bias"])
    tensors: dict[str, NDArray[np.generic]] = {
        **_lstm(weights, "memory"),
        **_lstm(weights, "decoder"),
        **_linear(weights),
        "repeats": np.array([steps, 1, 1], np.int64),
        "direction": np.array([1], np.int64),
        "flat": np.array([-1, steps * metrics], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["read"], ["in_time"], perm=[1, 0, 2]),
        _lstm_node("memory", "in_time", "", "kept", _cells(weights, "memory")),
        helper.make_node("Tile", ["kept", "repeats"], ["repeated"]),
        _lstm_node("decoder", "repeated", "states", "", _cells(weights, "decoder")),
        helper.make_node("Squeeze", ["states", "direction"], ["remembered"]),
        helper.make_node("MatMul", ["remembered", "out"], ["product"]),
        helper.make_node("Add", ["product", "out_bias"], ["rebuilt"]),
        helper.make_node("Transpose", ["rebuilt"], ["in_rows"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["in_rows", "flat"], ["said"]),
    ]
    return _serialised("rebuild", nodes, tensors, (steps, metrics), steps * metrics)


def _cells(weights: Weights, name: str) -> int:
    return int(weights[f"{name}.weight_hh_l0"].shape[1])


def _lstm(weights: Weights, name: str) -> dict[str, NDArray[np.float32]]:
    halves = (weights[f"{name}.bias_ih_l0"], weights[f"{name}.bias_hh_l0"])
    return {
        f"{name}_w": gates(weights[f"{name}.weight_ih_l0"])[None],
        f"{name}_r": gates(weights[f"{name}.weight_hh_l0"])[None],
        f"{name}_b": np.concatenate([gates(half) for half in halves])[None],
    }


def _lstm_node(name: str, read: str, states: str, kept: str, cells: int) -> Any:  # noqa: ANN401 - onnx may be missing
    """The operator; `states` names its states at all steps, `kept` that at the last."""
    inputs = [read, f"{name}_w", f"{name}_r", f"{name}_b"]
    return helper.make_node("LSTM", inputs, [states, kept], hidden_size=cells)


def _linear(weights: Weights) -> dict[str, NDArray[np.float32]]:
    return {"out": np.ascontiguousarray(weights["out.weight"].T), "out_bias": weights["out.bias"]}


def _serialised(
    name: str,
    nodes: Sequence[Any],
    tensors: Mapping[str, NDArray[np.generic]],
    shape: tuple[int, int],
    values: int,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info("read", TensorProto.FLOAT, ["windows", *shape])],
        [helper.make_tensor_value_info("said", TensorProto.FLOAT, ["windows", values])],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in tensors.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="boxwatch", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
