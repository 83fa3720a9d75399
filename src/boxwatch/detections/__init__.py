"""Findings: what is unusual, new, silent or known to be a failure."""

from boxwatch.detections.detection import (
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
from boxwatch.detections.episodes import Episodes
from boxwatch.detections.novelty import NoveltyWatch
from boxwatch.detections.scorer import ViewScorer
from boxwatch.detections.scores import COMBINED, SCORES
from boxwatch.detections.silence import SilenceWatch
from boxwatch.detections.view_model import ViewModel
from boxwatch.detections.view_model import load as load_view_model

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
