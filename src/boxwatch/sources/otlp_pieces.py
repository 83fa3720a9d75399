"""Going through an OTLP request record by record, without building all of it.

Two bytes of a request can be an empty record, and become a hundred in memory: a whole request of
such would take gigabytes. So its groups are walked through in the bytes, and only one record is
built at a time. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import orjson
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # has none
    ParseDict,
    ParseError,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has none
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

DEEPEST: Final = 32  # levels of a value; what lies deeper is left out

_MOST_PIECES: Final = 200_000  # groups and records of a request
_MOST_INSIDE: Final = 100_000  # messages inside one of them
_SMALL: Final = 64 << 10  # bytes; less cannot hold so many that it matters
_MOST_OBJECTS: Final = 400_000  # of JSON
_MOST_COMMAS: Final = 2_000_000
_IDS: Final = {"traceId": 16, "trace_id": 16, "spanId": 8, "span_id": 8, "parentSpanId": 8}

_HEAD, _GROUPS = 1, 2  # what a group is about, and the groups or records in it


class Unreadable(ValueError):
    """The body is not what its content type says."""


class TooMany(ValueError):
    """The body holds more than is worth the memory it would take."""


class Piece(NamedTuple):
    """A record of its own, not built yet, with what it belongs to."""

    resource: Any
    scope: Any
    build: Callable[[], Any]


class Span(NamedTuple):
    """Where a message lies in the bytes."""

    start: int
    end: int


def in_protobuf(body: bytes, kind: Callable[[], Any]) -> Iterator[Piece]:
    """The records of a request, each a message of `kind`; resources and scopes are built.

    Raises:
        Unreadable: it is no protobuf of such a request.
        TooMany: it holds more groups and records than any sender sends.

    """
    pieces = 0
    for group in _fields(body, Span(0, len(body)), 1):
        resource = _whole(body, group, Resource)
        for scope_span in _fields(body, group, _GROUPS):
            scope = _whole(body, scope_span, InstrumentationScope)
            for span in _fields(body, scope_span, _GROUPS):
                pieces += 1
                _bound(pieces)
                yield Piece(resource, scope, partial(_at, body, span, kind))
            pieces += 1
            _bound(pieces)
        pieces += 1
        _bound(pieces)


def in_json(body: bytes, names: tuple[str, str, str], kind: Callable[[], Any]) -> Iterator[Piece]:
    """As `in_protobuf`; `names` are those of the groups, of the scopes and of the records.

    Raises:
        Unreadable: it is no JSON of such a request.
        TooMany: it holds more values than any sender sends.

    """
    if body.count(b"{") + body.count(b"[") > _MOST_OBJECTS or body.count(b",") > _MOST_COMMAS:
        raise TooMany("It holds too many values; send smaller requests.")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON of OTLP: {error}"[:300]) from error
    if not isinstance(told, dict):
        raise Unreadable("it is JSON, but no object")
    groups, scopes, records = names
    for group in _items(told, groups):
        resource = from_json(group.get("resource"), Resource())
        for one in _items(group, scopes):
            scope = from_json(one.get("scope"), InstrumentationScope())
            for record in _items(one, records):
                yield Piece(resource, scope, partial(_told, record, kind))


def built(data: bytes, message: Any) -> Any:  # noqa: ANN401 - any message
    """`message`, as `data` says.

    Raises:
        Unreadable: it is no such message.
        TooMany: it holds more messages than any sender puts into one.

    """
    if len(data) > _SMALL:
        _bound_inside(data, message.DESCRIPTOR)
    try:
        message.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise Unreadable(str(error)[:300]) from error
    return message


def from_json(told: object, message: Any) -> Any:  # noqa: ANN401 - any message
    """`message`, as the JSON `told` says; nothing is an empty one.

    Raises:
        Unreadable: it is no such message.

    """
    if told is None:
        return message
    if not isinstance(told, dict):
        raise Unreadable(f"not JSON of OTLP: {str(told)[:80]!r} is no object")
    try:
        return ParseDict(_without_hex(told), message, ignore_unknown_fields=True)
    except (ParseError, RecursionError) as error:
        raise Unreadable(str(error)[:300]) from error
    except (AttributeError, TypeError) as error:
        raise Unreadable(f"not JSON of OTLP: {error}"[:300]) from error


def _at(body: bytes, span: Span, kind: Callable[[], Any]) -> Any:  # noqa: ANN401 - any message
    return built(body[slice(*span)], kind())


def _told(record: object, kind: Callable[[], Any]) -> Any:  # noqa: ANN401 - any message
    return from_json(record, kind())


def _bound(pieces: int) -> None:
    if pieces > _MOST_PIECES:
        raise TooMany(f"It holds more than {_MOST_PIECES:,} records; send smaller requests.")


def _bound_inside(data: bytes, descriptor: Any) -> None:  # noqa: ANN401 - has no types
    """Raise TooMany if a message of this descriptor in `data` holds too many others."""
    todo = [(descriptor, Span(0, len(data)))]
    found = 0
    while todo:
        about, span = todo.pop()
        kinds = {
            number: field.message_type
            for number, field in about.fields_by_number.items()
            if field.message_type is not None
        }
        for number, inside in _all_fields(data, span):
            if number in kinds:
                found += 1
                if found > _MOST_INSIDE:
                    raise TooMany(f"A record holds more than {_MOST_INSIDE:,} values.")
                todo.append((kinds[number], inside))


def _whole(body: bytes, group: Span, kind: Callable[[], Any]) -> Any:  # noqa: ANN401
    """What `group` is about; said in several places, it is all of them together."""
    return built(b"".join(body[slice(*span)] for span in _fields(body, group, _HEAD)), kind())


def _fields(body: bytes, within: Span, wanted: int) -> Iterator[Span]:
    return (span for number, span in _all_fields(body, within) if number == wanted)


def _all_fields(body: bytes, within: Span) -> Iterator[tuple[int, Span]]:
    """The fields of a message that may be messages themselves, with their numbers."""
    at, end = within
    while at < end:
        tag, at = _varint(body, at, end)
        match tag & 7:
            case 0:
                _, at = _varint(body, at, end)
            case 1:
                at += 8
            case 2:
                length, at = _varint(body, at, end)
                if length <= end - at:
                    yield tag >> 3, Span(at, at + length)
                at += length
            case 5:
                at += 4
            case _:
                raise Unreadable("a field is of no known kind")
    if at > end:
        raise Unreadable("it breaks off in the middle")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise Unreadable("it breaks off in the middle of a number")


def _items(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list `name` of `told`, which may be written in either way."""
    plain = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    found = told.get(name, told.get(plain))
    items = [] if found is None else found
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unreadable(f"not JSON of OTLP: {name} is no list of objects")
    return items


def _without_hex(told: Any, deep: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """JSON of OTLP as that of protobuf: ids in base64, exemplars left out."""
    if deep > 4 * DEEPEST:
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
