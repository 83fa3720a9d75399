"""Models of what is normal: detectors, calibration to p-values, combination, false-alarm budget."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boxwatch.models.baseline import Baseline, watched
from boxwatch.models.budget import is_alarm, threshold
from boxwatch.models.calibration import Calibrator, FitReport
from boxwatch.models.combination import combine
from boxwatch.models.conformance import Check, checks
from boxwatch.models.context import SPAN
from boxwatch.models.detector import Detector, Matrix, Saved, Vector
from boxwatch.models.ensemble import LEAST_CONTEXT_ROWS, LEAST_ROWS, Ensemble, Judged
from boxwatch.models.isolation_forest import IsolationForest
from boxwatch.models.kmeans import KMeans
from boxwatch.models.mahalanobis import Mahalanobis
from boxwatch.models.nearest import Nearest
from boxwatch.models.pca import PCA
from boxwatch.models.ranges import Ranges
from boxwatch.models.reach import Reach
from boxwatch.models.robust_z import RobustZ
from boxwatch.models.sessions import SessionModel, Sessions, Verdicts

DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {detector.name: detector for detector in (RobustZ, PCA, KMeans, IsolationForest)}
)
# Detectors that need rows in their temporal context (`models.context`); `Ensemble` uses them.
CONTEXT_DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {detector.name: detector for detector in (Mahalanobis, Nearest)}
)

__all__ = [
    "CONTEXT_DETECTORS",
    "DETECTORS",
    "LEAST_CONTEXT_ROWS",
    "LEAST_ROWS",
    "PCA",
    "SPAN",
    "Baseline",
    "Calibrator",
    "Check",
    "Detector",
    "Ensemble",
    "FitReport",
    "IsolationForest",
    "Judged",
    "KMeans",
    "Mahalanobis",
    "Matrix",
    "Nearest",
    "Ranges",
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
