"""Requests as senders build them, with the official messages."""

import gzip
import json

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

NANOS = 1_772_366_400_123_456_789  # 2026-03-01T12:00:00.123456789Z
PROTOBUF = {"Content_Type": "application/x-protobuf"}
JSON = {"Content_Type": "application/json"}
GZIP = {**PROTOBUF, "Content_Encoding": "gzip"}


def attribute(holder, key, value):
    """Add an attribute."""
    pair = holder.attributes.add(key=key)
    setattr(pair.value, {str: "string_value", int: "int_value"}[type(value)], value)


def logs(*texts, host="gpu1", service="vllm"):
    """A request with one log record a text."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    attribute(group.resource, "host.name", host)
    attribute(group.resource, "service.name", service)
    scope = group.scope_logs.add()
    scope.scope.name = "engine"
    for number, text in enumerate(texts):
        record = scope.log_records.add(
            time_unix_nano=NANOS + number, severity_number=17, severity_text="ERROR"
        )
        record.body.string_value = text
        record.trace_id = bytes(range(16))
        record.span_id = bytes(range(8))
        attribute(record, "tokens", 2**53 + 1)
    return request


def metrics(*points, host="gpu1", service="node"):
    """A request with points: name, value, attributes; those that count are cumulative sums."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    attribute(group.resource, "host.name", host)
    attribute(group.resource, "service.name", service)
    scope = group.scope_metrics.add()
    for name, value, told in points:
        metric = scope.metrics.add(name=name)
        if name.endswith(("_total", ".time", ".io")):
            metric.sum.aggregation_temporality = 2
            point = metric.sum.data_points.add(time_unix_nano=NANOS, as_double=value)
        else:
            point = metric.gauge.data_points.add(time_unix_nano=NANOS, as_double=value)
        for key, text in told.items():
            attribute(point, key, text)
    return request


def as_json(request):
    """JSON of OTLP: ids in hex, unlike the usual JSON of protobuf."""
    told = MessageToDict(request)
    for group in told.get("resourceLogs", []):
        for scope in group["scopeLogs"]:
            for record in scope["logRecords"]:
                record |= {"traceId": bytes(range(16)).hex(), "spanId": bytes(range(8)).hex()}
    return json.dumps(told).encode()


def packed(request):
    """As gzip."""
    return gzip.compress(request.SerializeToString())
