"""Training networks that read courses of readings; the module that needs torch and lightning."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any, Final

import torch  # type: ignore[import-not-found,unused-ignore]
from lightning.pytorch import LightningModule, Trainer  # type: ignore[import-not-found,unused-ignore]

from boxwatch.models.lstm_graph import forecasting_graph, rebuilding_graph
from boxwatch.models.reading_network import ReadingLesson

_CELLS: Final = 64
_BOTTLENECK: Final = 32  # cells of a network that rebuilds
_BATCH: Final = 64
_RATE: Final = 3e-3
_LOUDEST: Final = 1.0  # length of the gradient


def train(lesson: ReadingLesson) -> bytes:
    """A network that has learned `lesson`, as an ONNX graph (see `models.reading_network`).

    Deterministic in the lesson and its seed: one thread of the processor.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the matrices are small: more threads wait for each other
    talk = logging.getLogger("lightning.pytorch")
    level = talk.level
    talk.setLevel(logging.ERROR)  # it tells of accelerators that it does not use
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of loaders without workers
            torch.manual_seed(lesson.seed)
            layers = _Layers(lesson)
            _trainer(lesson.updates).fit(layers, train_dataloaders=_Batches(lesson))
    finally:
        torch.set_num_threads(threads)
        talk.setLevel(level)
    weights = {name: tensor.numpy() for name, tensor in layers.state_dict().items()}
    graph = rebuilding_graph if lesson.rebuilds else forecasting_graph
    return graph(weights, lesson.read.shape[1])


def _trainer(updates: int) -> Any:  # noqa: ANN401 - lightning may be missing
    return Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        max_steps=updates,
        gradient_clip_val=_LOUDEST,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class _Batches:
    """`updates` batches of windows, each window once before any comes again."""

    def __init__(self, lesson: ReadingLesson) -> None:
        self._read = torch.from_numpy(lesson.read)
        self._said = torch.from_numpy(lesson.said)
        self._updates = lesson.updates

    def __len__(self) -> int:
        return self._updates

    def __iter__(self) -> Iterator[Any]:
        left = self._updates
        while left > 0:
            order: Any = torch.randperm(len(self._read))
            for rows in order.split(_BATCH)[:left]:
                yield self._read[rows], self._said[rows]
                left -= 1


class _Layers(LightningModule):  # type: ignore[misc,unused-ignore]
    """An LSTM that says the next row, or two that rebuild what was read."""

    def __init__(self, lesson: ReadingLesson) -> None:
        super().__init__()
        metrics = lesson.read.shape[2]
        cells = _BOTTLENECK if lesson.rebuilds else _CELLS
        self.updates = lesson.updates
        self.rebuilds = lesson.rebuilds
        self.memory = torch.nn.LSTM(metrics, cells, batch_first=True)
        if lesson.rebuilds:
            self.decoder = torch.nn.LSTM(cells, _CELLS, batch_first=True)
        self.out = torch.nn.Linear(_CELLS, metrics)

    def training_step(self, batch: Any) -> Any:  # noqa: ANN401 - torch may be missing
        """How far the network is from what it should say."""
        read, said = batch
        _, (kept, _) = self.memory(read)
        if self.rebuilds:
            states, _ = self.decoder(kept[0][:, None].expand(-1, read.shape[1], -1))
            guess = self.out(states).flatten(1)
        else:
            guess = read[:, -1] + self.out(kept[0])
        return torch.nn.functional.smooth_l1_loss(guess, said)

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - torch may be missing
        """Adam, slower and slower."""
        optimiser = torch.optim.AdamW(self.parameters(), lr=_RATE)
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.updates)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": slower, "interval": "step"}}
