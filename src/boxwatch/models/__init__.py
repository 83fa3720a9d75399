"""Models of what is normal: detectors, calibration to p-values, combination, false-alarm budget."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boxwatch.models.baseline import Baseline, watched
from boxwatch.models.budget import is_alarm, threshold
from boxwatch.models.calibration import Calibrator, FitReport
from boxwatch.models.combination import combine
from boxwatch.models.conformance import Check, checks
from boxwatch.models.detector import Detector, Matrix, Saved, Vector
from boxwatch.models.isolation_forest import IsolationForest
from boxwatch.models.kmeans import KMeans
from boxwatch.models.pca import PCA
from boxwatch.models.reach import Reach
from boxwatch.models.robust_z import RobustZ
from boxwatch.models.sessions import SessionModel, Sessions, Verdicts

DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {detector.name: detector for detector in (RobustZ, PCA, KMeans, IsolationForest)}
)

__all__ = [
    "DETECTORS",
    "PCA",
    "Baseline",
    "Calibrator",
    "Check",
    "Detector",
    "FitReport",
    "IsolationForest",
    "KMeans",
    "Matrix",
    "Reach",
    "RobustZ",
    "Saved",
    "SessionModel",
    "Sessions",
    "Vector",
    "Verdicts",
    "checks",
    "combine",
    "is_alarm",
    "threshold",
    "watched",
]
