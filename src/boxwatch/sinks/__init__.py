"""Where findings go: the terminal, a file, a metrics endpoint, memory."""

from boxwatch.sinks.console import ConsoleSink
from boxwatch.sinks.jsonl import JsonlSink, StreamSink, to_json
from boxwatch.sinks.memory import MemorySink
from boxwatch.sinks.metrics import MetricsEndpoint
from boxwatch.sinks.sink import Sink

__all__ = [
    "ConsoleSink",
    "JsonlSink",
    "MemorySink",
    "MetricsEndpoint",
    "Sink",
    "StreamSink",
    "to_json",
]
