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
from .episodes import Episodes
from .novelty import NoveltyWatch
from .scorer import ViewScorer
from .scores import COMBINED, SCORES
from .silence import SilenceWatch
from .view_model import ViewModel, load_view_model

__all__ = [
    "COMBINED",
    "DETECTIONS",
    "SCORES",
    "Detection",
    "Episodes",
    "Kind",
    "NoveltyWatch",
    "Reason",
    "Severity",
    "SilenceWatch",
    "ViewModel",
    "ViewScorer",
    "from_frame",
    "from_record",
    "load_view_model",
    "to_frame",
    "to_record",
]
