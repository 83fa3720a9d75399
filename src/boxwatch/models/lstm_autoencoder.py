"""LSTM autoencoder: how far a course of readings is from what a network can rebuild of it.

Malhotra and others, "LSTM-based encoder-decoder for multi-sensor anomaly detection", ICML workshop
on anomaly detection 2016: one LSTM reads the last rows into a few numbers, another makes the rows
of these again. Courses like those of training survive it.
"""

from __future__ import annotations

from typing import ClassVar

from boxwatch.models.lstm import LstmDetector


class LstmAutoencoder(LstmDetector):
    """How far the rebuilt course is from the one that was read."""

    name: ClassVar[str] = "lstm_autoencoder"
    rebuilds: ClassVar[bool] = True
