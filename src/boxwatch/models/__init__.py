"""Models of what is normal: detectors, calibration to p-values, combination, false-alarm budget."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boxwatch.models.baseline import Baseline, watched
from boxwatch.models.budget import WEEK_SECONDS, is_alarm, threshold
from boxwatch.models.calibration import Calibrator, FitReport
from boxwatch.models.combination import combine
from boxwatch.models.conformance import Check, checks
from boxwatch.models.context import SCALES, SPAN, in_context, per_feature, run_in_context
from boxwatch.models.course import Course
from boxwatch.models.detector import Detector, Matrix, Saved, Vector
from boxwatch.models.isolation_forest import IsolationForest
from boxwatch.models.kmeans import KMeans
from boxwatch.models.mahalanobis import Mahalanobis
from boxwatch.models.nearest import Nearest
from boxwatch.models.pca import PCA
from boxwatch.models.ranges import Ranges
from boxwatch.models.reach import Reach
from boxwatch.models.robust_z import RobustZ
from boxwatch.models.search_spaces import SPACES, Choice, Range, Real, Whole
from boxwatch.models.sessions import SessionModel, Sessions, Verdicts

DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {detector.name: detector for detector in (RobustZ, PCA, KMeans, IsolationForest, Course)}
)
# The two that `Course` makes one, for rows in their temporal context (`models.context`).
CONTEXT_DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(
    {detector.name: detector for detector in (Mahalanobis, Nearest)}
)

__all__ = [
    "CONTEXT_DETECTORS",
    "DETECTORS",
    "PCA",
    "SCALES",
    "SPACES",
    "SPAN",
    "WEEK_SECONDS",
    "Baseline",
    "Calibrator",
    "Check",
    "Choice",
    "Course",
    "Detector",
    "FitReport",
    "IsolationForest",
    "KMeans",
    "Mahalanobis",
    "Matrix",
    "Nearest",
    "Range",
    "Ranges",
    "Reach",
    "Real",
    "RobustZ",
    "Saved",
    "SessionModel",
    "Sessions",
    "Vector",
    "Verdicts",
    "Whole",
    "checks",
    "combine",
    "in_context",
    "is_alarm",
    "per_feature",
    "run_in_context",
    "threshold",
    "watched",
]
