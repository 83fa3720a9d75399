from .drift.comparison import DRIFTS, compare, drifted
from .drift.profile import LEAST_ROWS, Profile
from .drift.severity import Meaning, meaning
from .evidence import Evidence
from .gates import Limits, Verdict
from .life import Life, Promotion, Reproduction, champions_line
from .retraining import Due, Policy, Situation, due
from .shadow import Occasion, Shadowed, compare_alarms
from .task import Selected, Task

__all__ = [
    "DRIFTS",
    "LEAST_ROWS",
    "Due",
    "Evidence",
    "Life",
    "Limits",
    "Meaning",
    "Occasion",
    "Policy",
    "Profile",
    "Promotion",
    "Reproduction",
    "Selected",
    "Shadowed",
    "Situation",
    "Task",
    "Verdict",
    "champions_line",
    "compare",
    "compare_alarms",
    "drifted",
    "due",
    "meaning",
]
