"""What the LSTM detectors have in common: the door, the network, and how far it is off.

A row holds readings and those before them, as `lags.lagged` makes it: newest first. What the
network reads is held within the range of training, and so is what it says: outside it knows
nothing, and a reading beyond that range is off by what it is beyond, however far.

How far off counts by how far off the network was on rows it did not learn from, held up in every
column by a share of the readings' variance (as in `mahalanobis`): what never moved is sensed, but
does not drown the rest.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import numpy as np

from boxwatch.errors import ModelError
from boxwatch.models.detector import Matrix, Saved, Vector
from boxwatch.models.matrix import Float64, clean, training_rows
from boxwatch.models.reading_network import Float32, ReadingLesson, ReadingNetwork, Train
from boxwatch.models.saved import expect, floats, not_fitted, whole

_VERSION: Final = 1
_EDGE: Final = 0.001  # of training on each side is outside the range
_HELD: Final = 5  # one row in so many is not learned from, but says what is usual
_RIDGE: Final = 0.01
_TINY: Final = 1e-6


class LstmDetector:
    """Length of what the network says beside what was read, over what is usual.

    Args:
        train: Trains the network: `models.reading_training.train`. Only `fit` needs it.
        steps: How many rows of readings a row holds.
        updates: Steps of the optimiser.
    """

    name: ClassVar[str]
    least_windows: ClassVar[int] = 200
    rebuilds: ClassVar[bool]

    def __init__(self, train: Train | None = None, steps: int = 16, updates: int = 1500) -> None:
        self.steps = steps
        self.updates = updates
        self._train = train
        self._network: ReadingNetwork | None = None
        self._range = np.empty((4, 0))  # least, most, mean and spread of each metric
        self._usual = np.empty(0)  # how far off the network is, by value

    def fit(self, x: Matrix, seed: int) -> None:
        """Train the network, and see how far off it is on rows it did not learn from.

        Raises:
            ModelError: too few rows, columns that are no whole number of steps, or nothing to
                train with.
        """
        rows = training_rows(x, self.least_windows, self.name)
        if self._train is None:
            raise ModelError(
                "This model can score but not learn: it was made without a way to train.",
                hint="Install boxwatch[deep] where models are trained.",
            )
        if rows.shape[1] % self.steps != 0:
            raise ModelError(
                f"{self.name} reads {self.steps} steps, and {rows.shape[1]} columns are no whole "
                "number of them.",
                hint="Make its rows with models.lags.lagged.",
            )
        self._range = _range(rows.reshape(-1, rows.shape[1] // self.steps))
        held = np.arange(len(rows)) % _HELD == _HELD - 1
        read, said, _ = self._asked(rows[~held])
        lesson = ReadingLesson(read, said, self.rebuilds, self.updates, seed)
        self._network = ReadingNetwork(self._train(lesson))
        self._usual = np.ones(said.shape[1])
        variance = np.tile(np.square(self._range[3]), said.shape[1] // len(self._range[3]))
        off = np.square(self._off(rows[held])).mean(axis=0)
        self._usual = np.sqrt(off + max(_RIDGE * float(variance.mean()), _TINY**2))

    def score(self, x: Matrix) -> Vector:
        """The length, in what is usual."""
        return _length(self._off(self._cleaned(x))).astype(np.float32)

    def contributions(self, x: Matrix) -> Matrix:
        """Each column's square over the length; columns that are only read add nothing."""
        rows = self._cleaned(x)
        off = self._off(rows)
        length = _length(off)
        squares = np.square(off) / np.where(length > 0.0, length, 1.0)[:, None]
        parts = np.zeros(rows.shape, np.float32)
        metrics = self._range.shape[1]
        oldest_first = squares.reshape(len(rows), squares.shape[1] // metrics, metrics)
        parts[:, : squares.shape[1]] = oldest_first[:, ::-1].reshape(squares.shape)
        return parts

    def save(self) -> Saved:
        """The graph as bytes, ranges and what is usual."""
        graph = np.frombuffer(self._fitted().graph, np.uint8)
        return Saved(
            {"graph": graph, "range": self._range, "usual": self._usual},
            {
                "model": self.name,
                "version": _VERSION,
                "steps": self.steps,
                "updates": self.updates,
            },
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """The detector that `save` described; it scores, and cannot learn.

        Raises:
            ModelError: something is missing or damaged.
        """
        expect(saved, cls.name, _VERSION)
        detector = cls(steps=whole(saved, "steps"), updates=whole(saved, "updates"))
        detector._range = floats(saved, "range", (4, None))
        metrics = detector._range.shape[1]
        values = metrics * (detector.steps if cls.rebuilds else 1)
        detector._usual = floats(saved, "usual", (values,))
        graph = saved.arrays.get("graph")
        if graph is None or graph.ndim != 1:
            raise ModelError("The saved model has no network.", hint=_HINT)
        network = ReadingNetwork(graph.tobytes())
        reads = detector.steps if cls.rebuilds else detector.steps - 1
        if (network.shape, network.values) != ((reads, metrics), values):
            raise ModelError("The saved network is another than its model's.", hint=_HINT)
        detector._network = network
        return detector

    def _fitted(self) -> ReadingNetwork:
        if self._network is None:
            raise not_fitted(self.name)
        return self._network

    def _cleaned(self, x: Matrix) -> Float64:
        self._fitted()
        return clean(x, self.steps * self._range.shape[1])

    def _asked(self, rows: Float64) -> tuple[Float32, Float32, Float64]:
        """What the network reads, what it should say, and the readings that this is about."""
        least, most, mean, spread = self._range
        course = rows.reshape(len(rows), self.steps, len(mean))[:, ::-1]
        held = ((np.clip(course, least, most) - mean) / spread).astype(np.float32)
        if self.rebuilds:
            return held, held.reshape(rows.shape), course.reshape(rows.shape)
        return np.ascontiguousarray(held[:, :-1]), held[:, -1], course[:, -1]

    def _off(self, rows: Float64) -> Float64:
        """What was read less what the network says, in what is usual: (rows, values)."""
        read, _, readings = self._asked(rows)
        said = self._fitted().said(read).astype(np.float64)
        least, most, mean, spread = self._range
        shape = (len(rows), said.shape[1] // len(mean), len(mean))
        guess = np.clip(said.reshape(shape) * spread + mean, least, most)
        return np.asarray((readings - guess.reshape(readings.shape)) / self._usual)


_HINT: Final = "The model file is damaged or from another version: train again."


def _range(readings: Float64) -> Float64:
    least, most = np.quantile(readings, (_EDGE, 1.0 - _EDGE), axis=0, method="nearest")
    held = np.clip(readings, least, most)
    spread = held.std(axis=0)
    return np.vstack([least, most, held.mean(axis=0), np.where(spread > _TINY, spread, 1.0)])


def _length(off: Float64) -> Float64:
    return np.asarray(np.sqrt(np.square(off).sum(axis=1)), dtype=np.float64)
