from .artifacts import load_model, model_versions, save_model
from .champions import champions_stamp, read_champions, write_champions
from .compaction import Compacted
from .digests import Digests, Recipe, runs
from .drift_checks import DriftCheck
from .event_store import EventStore, Head, Positions
from .incident_rows import Change
from .ingestion import Progress, ingest
from .layout import Layout
from .ledger import Ledger
from .ledger_rows import Decision, Role, RoleChange, Run
from .lessons import Lesson, Lessons
from .lock import WriterLock
from .mending import Repaired, repair
from .parts import Part
from .quarantine import Tally
from .raw_recording import RawRecording
from .raw_streams import Normalise, Reading
from .reading import Batch, Shape
from .retention import Retained
from .snapshot import pack, unpack
from .state_store import Checkpoint, StateStore
from .studies import Study, Trial, check_name, read_study, study_names, write_study
from .training_rows import load_rows, save_rows

__all__ = [
    "Batch",
    "Change",
    "Checkpoint",
    "Compacted",
    "Decision",
    "Digests",
    "DriftCheck",
    "EventStore",
    "Head",
    "Layout",
    "Ledger",
    "Lesson",
    "Lessons",
    "Normalise",
    "Part",
    "Positions",
    "Progress",
    "RawRecording",
    "Reading",
    "Recipe",
    "Repaired",
    "Retained",
    "Role",
    "RoleChange",
    "Run",
    "Shape",
    "StateStore",
    "Study",
    "Tally",
    "Trial",
    "WriterLock",
    "champions_stamp",
    "check_name",
    "ingest",
    "load_model",
    "load_rows",
    "model_versions",
    "pack",
    "read_champions",
    "read_study",
    "repair",
    "runs",
    "save_model",
    "save_rows",
    "study_names",
    "unpack",
    "write_champions",
    "write_study",
]
