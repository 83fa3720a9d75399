"""Settings -> running objects: the only place that names concrete classes."""

from boxwatch.wiring.batch import features, normalize, repair, train
from boxwatch.wiring.checking import check
from boxwatch.wiring.collecting import collect
from boxwatch.wiring.findings import Selection, evidence, incident, incidents, mark, report
from boxwatch.wiring.watching import detect, pipeline, replay, watch

__all__ = [
    "Selection",
    "check",
    "collect",
    "detect",
    "evidence",
    "features",
    "incident",
    "incidents",
    "mark",
    "normalize",
    "pipeline",
    "repair",
    "replay",
    "report",
    "train",
    "watch",
]
