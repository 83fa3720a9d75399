"""Training the network that says which line comes next; the one module that needs torch.

The graph is written operator by operator: `torch.onnx.export` unrolls an LSTM into a loop of fixed
length (torch 2.13), where ONNX has an operator for it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import onnx  # type: ignore[import-not-found,import-untyped,unused-ignore]
import torch  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,import-untyped,unused-ignore]

from boxwatch.models.lstm_graph import gates
from boxwatch.models.next_line import Lesson
from boxwatch.models.sequences import UNJUDGED

_WIDTH: Final = 32  # of a code
_MEMORY: Final = 64  # cells of the LSTM
_BATCH: Final = 64
_STEPS: Final = 1500  # of the optimiser
_FEWEST_EPOCHS: Final = 3
_MOST_EPOCHS: Final = 60
_RATE: Final = 3e-3
_OPSET: Final = 17


def train(lesson: Lesson) -> bytes:
    """A network that has learned `lesson`, as an ONNX graph (see `models.next_line`).

    Deterministic in the lesson and its seed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the matrices are small: more threads wait for each other
    try:
        layers = _layers(lesson)
    finally:
        torch.set_num_threads(threads)
    return _graph({name: tensor.numpy() for name, tensor in layers.state_dict().items()})


def _layers(lesson: Lesson) -> Any:  # noqa: ANN401 - torch may be missing
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        layers = torch.nn.ModuleDict(
            {
                "code": torch.nn.Embedding(lesson.codes, _WIDTH),
                "memory": torch.nn.LSTM(_WIDTH, _MEMORY, batch_first=True),
                "next": torch.nn.Linear(_MEMORY, lesson.codes),
            }
        )
        _learn(layers, torch.from_numpy(lesson.read), torch.from_numpy(lesson.come))
    return layers


def _learn(layers: Any, read: Any, come: Any) -> None:  # noqa: ANN401 - torch may be missing
    batches = -(-len(read) // _BATCH)
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_STEPS / batches)))
    optimiser = torch.optim.AdamW(layers.parameters(), lr=_RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    for _ in range(epochs):
        order: Any = torch.randperm(len(read))
        for rows in order.split(_BATCH):
            remembered, _ = layers["memory"](layers["code"](read[rows]))
            guess = layers["next"](remembered)
            loss: Any = torch.nn.functional.cross_entropy(
                guess.flatten(0, 1), come[rows].flatten(), ignore_index=UNJUDGED
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            slower.step()


def _graph(weights: dict[str, NDArray[np.float32]]) -> bytes:
    """The network as ONNX: Gather, LSTM, MatMul, LogSoftmax; any number of windows and steps."""
    bias = np.concatenate([weights["memory.bias_ih_l0"], weights["memory.bias_hh_l0"]])
    tensors = {
        "codes": weights["code.weight"],
        # torch keeps the gates as input, forget, cell, output; ONNX as input, output, forget, cell
        "w": gates(weights["memory.weight_ih_l0"])[None],
        "r": gates(weights["memory.weight_hh_l0"])[None],
        "b": np.concatenate([gates(half) for half in np.split(bias, 2)])[None],
        "out": np.ascontiguousarray(weights["next.weight"].T),
        "out_bias": weights["next.bias"],
        "direction": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["read"], ["in_time"], perm=[1, 0]),
        helper.make_node("Gather", ["codes", "in_time"], ["x"]),
        helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], hidden_size=_MEMORY),
        helper.make_node("Squeeze", ["y", "direction"], ["remembered"]),
        helper.make_node("MatMul", ["remembered", "out"], ["guess"]),
        helper.make_node("Add", ["guess", "out_bias"], ["biased"]),
        helper.make_node("LogSoftmax", ["biased"], ["likely"], axis=-1),
        helper.make_node("Transpose", ["likely"], ["log_p"], perm=[1, 0, 2]),
    ]
    shape = ["windows", "steps"]
    graph = helper.make_graph(
        nodes,
        "next-line",
        [helper.make_tensor_value_info("read", TensorProto.INT64, shape)],
        [
            helper.make_tensor_value_info(
                "log_p", TensorProto.FLOAT, [*shape, len(weights["next.bias"])]
            )
        ],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="boxwatch", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
