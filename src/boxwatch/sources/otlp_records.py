"""From the body of an OTLP request to raw records, one JSON object a line.

https://opentelemetry.io/docs/specs/otlp/ and the messages of opentelemetry-proto. In JSON, ids are
hex and 64-bit integers strings, unlike in the usual JSON of protobuf.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from boxwatch.events.otlp import of_use
from boxwatch.sources.otlp_pieces import DEEPEST, Piece, in_json, in_protobuf

_DELTA: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE: Final = 1  # DataPointFlags: no recorded value
_LOGS: Final = ("resourceLogs", "scopeLogs", "logRecords")
_METRICS: Final = ("resourceMetrics", "scopeMetrics", "metrics")
_MOST_BYTES: Final = 64 << 20  # of raw records: each repeats what its resource says

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a body is read: its encoding, when it came, the host of records that name none.

    At most `most` of its records are taken.
    """

    as_json: bool
    received_at: str
    host: str
    most: int


@dataclass(slots=True)
class Decoded:
    """What a request held: raw records, how many, and how many there is no use for.

    `rejected` are more than are taken at once. `timed` is whether each record says when it was,
    so that the same request again is no other one.
    """

    records: int = 0
    unused: int = 0
    rejected: int = 0
    timed: bool = True
    # One piece of memory: each result of orjson that is kept holds on to kilobytes around it.
    lines: bytearray = field(default_factory=bytearray)

    def add(self, row: Record, most: int) -> None:
        """Take in `row`, if there is room for it."""
        if self.records >= most or len(self.lines) >= _MOST_BYTES:
            self.rejected += 1
            return
        self.lines += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        self.records += 1
        self.timed = self.timed and row["time"] != "0"


def decode_logs(body: bytes, envelope: Envelope) -> Decoded:
    """The log records of an ExportLogsServiceRequest.

    Raises:
        Unreadable: it is none.
        TooMany: it holds more than any sender sends.

    """
    decoded = Decoded()
    for piece, same in _told(body, envelope, _LOGS, LogRecord):
        if decoded.records >= envelope.most:
            decoded.rejected += 1
            continue
        decoded.add({**_log(piece.build()), "scope": piece.scope.name, **same}, envelope.most)
    return decoded


def decode_metrics(body: bytes, envelope: Envelope) -> Decoded:
    """The data points of an ExportMetricsServiceRequest that are of use.

    Raises:
        Unreadable: it is none.
        TooMany: it holds more than any sender sends.

    """
    decoded = Decoded()
    for piece, same in _told(body, envelope, _METRICS, Metric):
        for name, value, point in _points(piece.build()):
            told = _attributes(point.attributes)
            if of_use(name, told):
                reading = _reading(name, value, point)
                decoded.add(same | reading | {"attributes": told}, envelope.most)
            else:
                decoded.unused += 1
    return decoded


def _told(
    body: bytes, envelope: Envelope, names: tuple[str, str, str], kind: Callable[[], Any]
) -> Iterator[tuple[Piece, Record]]:
    """Each record of the request, with what all of its resource have in common."""
    what = "log" if kind is LogRecord else "metric"
    pieces = in_json(body, names, kind) if envelope.as_json else in_protobuf(body, kind)
    resource: Resource | None = None
    same: Record = {}
    for piece in pieces:
        if piece.resource is not resource:
            resource = piece.resource
            told = _attributes(resource.attributes)
            same = {"resource": told} if what == "log" else {}
            same |= _names(told)
            same |= {"host": _host(told, envelope.host)}
            same |= {"received_at": envelope.received_at, "what": what}
        yield piece, same


def _log(record: LogRecord) -> Record:
    return {
        "time": str(record.time_unix_nano or record.observed_time_unix_nano),
        "severity_number": record.severity_number,
        "severity_text": record.severity_text,
        "message": _text(record.body),
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "event_name": record.event_name,
        "attributes": _attributes(record.attributes),
    }


def _points(metric: Metric) -> Iterator[tuple[str, float, Any]]:
    """Each reading of `metric`: its name, the value, and the data point it came with."""
    match metric.WhichOneof("data"):
        case "gauge":
            yield from _numbers(metric.name, metric.gauge.data_points)
        case "sum":
            if metric.sum.aggregation_temporality != _DELTA:
                yield from _numbers(metric.name, metric.sum.data_points)
        case "histogram":
            if metric.histogram.aggregation_temporality != _DELTA:
                yield from _totals(metric.name, metric.histogram.data_points)
        case "summary":
            yield from _totals(metric.name, metric.summary.data_points)


def _numbers(name: str, points: Iterable[Any]) -> Iterator[tuple[str, float, Any]]:
    for point in points:
        kind = point.WhichOneof("value")
        if kind is not None and not point.flags & _NO_VALUE:
            yield name, float(getattr(point, kind)), point


def _totals(name: str, points: Iterable[Any]) -> Iterator[tuple[str, float, Any]]:
    for point in points:
        if not point.flags & _NO_VALUE:
            yield f"{name}_count", float(point.count), point
            yield f"{name}_sum", float(point.sum), point


def _reading(name: str, value: float, point: Any) -> Record:  # noqa: ANN401 - of four kinds
    return {
        "name": name,
        "time": str(point.time_unix_nano),
        "value": value if math.isfinite(value) else "it is no number",
    }


def _host(resource: Mapping[str, Any], fallback: str) -> str:
    for key in ("host.name", "k8s.node.name", "host.id"):
        name = resource.get(key)
        if isinstance(name, str) and name:
            return name[:255]
    return fallback


def _names(resource: Mapping[str, Any]) -> Record:
    keys = {
        "service": ("service.name",),
        "container_name": ("container.name", "k8s.container.name"),
        "container_id": ("container.id",),
    }
    return {
        name: next((resource[key] for key in theirs if isinstance(resource.get(key), str)), None)
        for name, theirs in keys.items()
    }


def _attributes(pairs: Iterable[KeyValue]) -> Record:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue, deep: int = 0) -> Any:  # noqa: ANN401 - any JSON
    kind = value.WhichOneof("value")
    if kind is None or deep > DEEPEST:
        return None
    if kind == "array_value":
        return [_plain(item, deep + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value, deep + 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    plain = getattr(value, kind)
    return str(plain) if isinstance(plain, float) and not math.isfinite(plain) else plain


def _text(body: AnyValue) -> str:
    plain = _plain(body)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else orjson.dumps(plain).decode()
