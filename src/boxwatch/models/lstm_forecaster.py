"""LSTM forecaster: how far readings are from what their past let expect.

Malhotra, Vig, Shroff and Agarwal, "Long short term memory networks for anomaly detection in time
series", ESANN 2015: an LSTM reads the rows before and says the next one. It says by how much that
differs from the last, so that a network that has learned nothing still says "as before".
"""

from __future__ import annotations

from typing import ClassVar

from boxwatch.models.lstm import LstmDetector


class LstmForecaster(LstmDetector):
    """How far a row of readings is from the one that was expected."""

    name: ClassVar[str] = "lstm_forecaster"
    rebuilds: ClassVar[bool] = False
