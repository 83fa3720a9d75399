from .drift.comparison import DRIFTS, compare, drifted
from .drift.profile import LEAST_ROWS, Profile
from .drift.severity import Meaning, meaning
from .evidence import Evidence
from .gates import Limits, Verdict
from .life import Life, Promotion, Reproduction
from .task import Selected, Task

__all__ = [
    "DRIFTS",
    "LEAST_ROWS",
    "Evidence",
    "Life",
    "Limits",
    "Meaning",
    "Profile",
    "Promotion",
    "Reproduction",
    "Selected",
    "Task",
    "Verdict",
    "compare",
    "drifted",
    "meaning",
]
