"""From the body of an OTLP request to raw records, one JSON object a line.

https://opentelemetry.io/docs/specs/otlp/ and the messages of opentelemetry-proto. In JSON, ids are
hex and 64-bit integers strings, unlike in the usual JSON of protobuf.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # has none
    ParseDict,
    ParseError,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has none
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from boxwatch.events.otlp import of_use

_IDS: Final = {"traceId": 16, "trace_id": 16, "spanId": 8, "span_id": 8, "parentSpanId": 8}
_DELTA: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE: Final = 1  # DataPointFlags: no recorded value
_DEEPEST: Final = 32  # levels of a value; what lies deeper is left out

Record = dict[str, Any]


class Unreadable(ValueError):
    """The body is not what its content type says."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a request held: raw records, how many, and how many there is no use for."""

    lines: bytes
    records: int
    unused: int = 0


def decode_logs(body: bytes, *, as_json: bool, received_at: str, host: str) -> Decoded:
    """The log records of an ExportLogsServiceRequest.

    Raises:
        Unreadable: it is none.

    """
    request = _request(ExportLogsServiceRequest, body, as_json=as_json)
    rows = [
        {**_log(record), "scope": scope.scope.name, "resource": resource, **_names(resource)}
        | {"host": _host(resource, host), "received_at": received_at, "what": "log"}
        for group in request.resource_logs
        for resource in [_attributes(group.resource.attributes)]
        for scope in group.scope_logs
        for record in scope.log_records
    ]
    return Decoded(_lines(rows), len(rows))


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


def decode_metrics(body: bytes, *, as_json: bool, received_at: str, host: str) -> Decoded:
    """The data points of an ExportMetricsServiceRequest that are of use.

    Raises:
        Unreadable: it is none.

    """
    request = _request(ExportMetricsServiceRequest, body, as_json=as_json)
    rows: list[Record] = []
    unused = 0
    for group in request.resource_metrics:
        resource = _attributes(group.resource.attributes)
        same = {"host": _host(resource, host), "received_at": received_at, "what": "metric"}
        same |= _names(resource)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                for name, value, point in _points(metric):
                    told = _attributes(point.attributes)
                    if of_use(name, told):
                        rows.append(same | _reading(name, value, point) | {"attributes": told})
                    else:
                        unused += 1
    return Decoded(_lines(rows), len(rows), unused)


def _request(kind: Callable[[], Any], body: bytes, *, as_json: bool) -> Any:  # noqa: ANN401
    message = kind()
    try:
        if as_json:
            told = orjson.loads(body)
            if not isinstance(told, dict):
                raise Unreadable("it is JSON, but no object")
            ParseDict(_without_hex(told), message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, ParseError, RecursionError) as error:
        raise Unreadable(str(error)[:300]) from error
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise Unreadable(f"not JSON of OTLP: {error}"[:300]) from error
    return message


def _without_hex(told: Any, deep: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """JSON of OTLP as that of protobuf: ids in base64, exemplars left out."""
    if deep > 4 * _DEEPEST:
        raise Unreadable("nested too deeply")
    if isinstance(told, list):
        return [_without_hex(item, deep + 1) for item in told]
    if not isinstance(told, dict):
        return told
    fixed = {}
    for key, value in told.items():
        if key in _IDS:
            fixed[key] = _id(value, _IDS[key])
        elif key != "exemplars":
            fixed[key] = _without_hex(value, deep + 1)
    return fixed


def _id(value: object, length: int) -> str:
    """An id in base64; one that is none is empty, which means that there is none."""
    try:
        read = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return ""
    return base64.b64encode(read if len(read) == length else b"").decode()


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
    if kind is None or deep > _DEEPEST:
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


def _lines(rows: Sequence[Record]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
