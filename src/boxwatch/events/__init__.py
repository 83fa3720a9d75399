"""Raw records in, tables out: schemas, metrics, and one normaliser for each kind of record."""

from boxwatch.events.cgroup import Owner, owner_of, owner_of_process
from boxwatch.events.export import combined_events, gpu_names
from boxwatch.events.metrics import METRICS, Metric
from boxwatch.events.ndjson import Records
from boxwatch.events.normalisation import NORMALISERS, Normaliser, earliest, normalise
from boxwatch.events.schema import (
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
from boxwatch.events.severity import SYSLOG
from boxwatch.events.severity import from_text as severity_of
from boxwatch.events.templates import TemplateMiner
from boxwatch.events.text import MESSAGE_LIMIT

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
