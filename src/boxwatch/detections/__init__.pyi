from .detection import (
    DETECTIONS,
    Detection,
    Kind,
    Reason,
    Severity,
    from_frame,
    from_record,
    to_frame,
    to_record,
)
from .episodes import IN_A_ROW, Episodes
from .expected import Expectation, Expected, expectation
from .learning import LEAST_WINDOWS, fit
from .novelty import NoveltyWatch
from .past import Past
from .plans import FEW, READINGS
from .scorer import ViewScorer
from .scores import COMBINED, SCORES
from .silence import SilenceWatch
from .tables import UNKNOWN, Judged, alarms, fit_table, judge
from .thresholds import MemberThreshold, Threshold, member_thresholds
from .view_model import ViewModel, load_view_model

__all__ = [
    "COMBINED",
    "DETECTIONS",
    "FEW",
    "IN_A_ROW",
    "LEAST_WINDOWS",
    "READINGS",
    "SCORES",
    "UNKNOWN",
    "Detection",
    "Episodes",
    "Expectation",
    "Expected",
    "Judged",
    "Kind",
    "MemberThreshold",
    "NoveltyWatch",
    "Past",
    "Reason",
    "Severity",
    "SilenceWatch",
    "Threshold",
    "ViewModel",
    "ViewScorer",
    "alarms",
    "expectation",
    "fit",
    "fit_table",
    "from_frame",
    "from_record",
    "judge",
    "load_view_model",
    "member_thresholds",
    "to_frame",
    "to_record",
]
