from .cgroup import Owner, owner_of, owner_of_process
from .export import combined_events, gpu_names
from .metrics import METRICS, Metric
from .ndjson import Records
from .normalisation import NORMALISERS, Normaliser, earliest, normalise
from .schema import (
    LOGS,
    QUARANTINE,
    RAW_KINDS,
    SAMPLES,
    SOURCES,
    TIME,
    Events,
    RawChunk,
    Schema,
    check,
    concat,
    empty,
)
from .severity import SYSLOG, severity_of
from .templates import TemplateMiner
from .text import MESSAGE_LIMIT

__all__ = [
    "LOGS",
    "MESSAGE_LIMIT",
    "METRICS",
    "NORMALISERS",
    "QUARANTINE",
    "RAW_KINDS",
    "SAMPLES",
    "SOURCES",
    "SYSLOG",
    "TIME",
    "Events",
    "Metric",
    "Normaliser",
    "Owner",
    "RawChunk",
    "Records",
    "Schema",
    "TemplateMiner",
    "check",
    "combined_events",
    "concat",
    "earliest",
    "empty",
    "gpu_names",
    "normalise",
    "owner_of",
    "owner_of_process",
    "severity_of",
]
