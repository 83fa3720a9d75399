"""The store: events in Parquet, state and incidents in SQLite, models as hashed files."""

from boxwatch.store.artifacts import load_model, model_versions, save_model
from boxwatch.store.champions import read_champions, write_champions
from boxwatch.store.compaction import Compacted
from boxwatch.store.digests import Digests, Recipe, runs
from boxwatch.store.event_store import EventStore, Head, Positions
from boxwatch.store.ingest import Progress, ingest
from boxwatch.store.layout import Layout
from boxwatch.store.ledger import Ledger
from boxwatch.store.ledger_rows import Decision, Role, RoleChange, Run
from boxwatch.store.lock import WriterLock
from boxwatch.store.parts import Part
from boxwatch.store.quarantine import Tally
from boxwatch.store.raw_recording import RawRecording
from boxwatch.store.raw_streams import Normalise
from boxwatch.store.reading import Batch, Shape
from boxwatch.store.repair import Repaired, repair
from boxwatch.store.retention import Retained
from boxwatch.store.snapshot import pack, unpack
from boxwatch.store.state_store import Change, Checkpoint, StateStore
from boxwatch.store.training_rows import load_rows, save_rows

__all__ = [
    "Batch",
    "Change",
    "Checkpoint",
    "Compacted",
    "Decision",
    "Digests",
    "EventStore",
    "Head",
    "Layout",
    "Ledger",
    "Normalise",
    "Part",
    "Positions",
    "Progress",
    "RawRecording",
    "Recipe",
    "Repaired",
    "Retained",
    "Role",
    "RoleChange",
    "Run",
    "Shape",
    "StateStore",
    "Tally",
    "WriterLock",
    "ingest",
    "load_model",
    "load_rows",
    "model_versions",
    "pack",
    "read_champions",
    "repair",
    "runs",
    "save_model",
    "save_rows",
    "unpack",
    "write_champions",
]
