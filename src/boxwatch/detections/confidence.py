"""How sure one may be that a finding is a fault, and how bad that makes it."""

from __future__ import annotations

import math
from typing import Final

from boxwatch.detections.detection import Severity
from boxwatch.errors import ModelError

FAULT_SHARE: Final = 0.01  # of windows, where nothing else is known

_LEVELS: Final = (
    (0.9, Severity.CRITICAL),
    (0.7, Severity.HIGH),
    (0.5, Severity.MEDIUM),
)
_LEAST_P: Final = 1e-300


def severity(confidence: float) -> Severity:
    """Critical above 0.9, high above 0.7, medium above 0.5, else low.

    Args:
        confidence: The probability of a fault, 0 to 1: of a calibrated classifier, or from
            `confidence_of`. A raw score is none.

    Raises:
        ModelError: it is no such number.
    """
    _expect_share("A confidence", confidence)
    return next((level for least, level in _LEVELS if confidence > least), Severity.LOW)


def confidence_of(p_value: float, fault_share: float = FAULT_SHARE) -> float:
    """The most that a p-value may say for a fault, as a probability.

    A p-value of 0.001 does not mean a fault with 99.9 %: most windows are ordinary. Against an
    ordinary window it can weigh at most 1 / (-e p log p), whatever faults look like (Sellke,
    Bayarri and Berger, "Calibration of p values for testing precise null hypotheses", The American
    Statistician 55, 2001); with how frequent faults are this gives a probability (Bayes). At
    p >= 1/e it says nothing.

    Args:
        p_value: The chance that an ordinary window scores as high, 0 to 1.
        fault_share: The share of windows that belong to faults, 0 to 1.

    Raises:
        ModelError: one of them is no such number.
    """
    _expect_share("A p-value", p_value)
    _expect_share("A share of faults", fault_share)
    p = max(p_value, _LEAST_P)
    ordinary = -math.e * p * math.log(p) if p < 1.0 / math.e else 1.0
    against = (1.0 - fault_share) * ordinary
    whole = fault_share + against
    return fault_share / whole if whole > 0.0 else 0.0


def _expect_share(what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:  # NaN too
        raise ModelError(
            f"{what} is a number from 0 to 1, not {value!r}.",
            hint="Calibrate raw scores first: models.Calibrator.p_value.",
        )
