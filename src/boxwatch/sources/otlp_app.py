"""The receiver's answers: a bare ASGI application for `POST /v1/logs` and `POST /v1/metrics`.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. 200 is said once the records lie on the disk.
400, 401, 413 and 415 tell the sender not to try again; 503 with Retry-After tells it to wait. The
same request again, by a sender that did not hear the answer, is a success and kept once.
"""

from __future__ import annotations

import asyncio
import hmac
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
import xxhash
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # has none
from google.protobuf.message import Message  # type: ignore[import-untyped]  # has no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from boxwatch import pulse
from boxwatch.clock import Clock
from boxwatch.sources.otlp_pieces import TooMany, Unreadable
from boxwatch.sources.otlp_records import Decoded, Envelope, decode_logs, decode_metrics
from boxwatch.sources.outbox import stamp
from boxwatch.sources.spool import Spool

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_BODY_S: Final = 20.0  # how long the body of a request may take to come
_RETRY_S: Final = 5
_INFLATED: Final = 1 << 20  # bytes that a piece may become at once
_IN_FLIGHT: Final = 64 << 20  # bytes of all bodies that are being received

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Decode = Callable[[bytes, Envelope], Decoded]


class _Path(NamedTuple):
    """What is received at a path, and how it is answered."""

    signal: str
    decode: Decode
    response: type[Message]
    rejected: str  # the field of the answer that counts what was not taken


_PATHS: Final[Mapping[str, _Path]] = {
    "/v1/logs": _Path("logs", decode_logs, ExportLogsServiceResponse, "rejected_log_records"),
    "/v1/metrics": _Path(
        "metrics", decode_metrics, ExportMetricsServiceResponse, "rejected_data_points"
    ),
}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AppOptions:
    """What is accepted: `token` that senders must give, `most_bytes` of a body, packed or not.

    At most `most_records` of a request are taken; `host` is the one of records that name none.
    """

    token: str | None
    most_bytes: int
    host: str
    most_records: int


class OtlpApp:
    """Takes requests and keeps their records in `spool`."""

    def __init__(self, spool: Spool, options: AppOptions, clock: Clock) -> None:
        self._spool = spool
        self._options = options
        self._clock = clock
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        kind = headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        try:
            signal = self._admitted(scope, headers, kind)
            body = await self._body(headers, receive)
            answer = self._taken(signal, body, as_json=kind == JSON)
            await _send(send, 200, JSON if kind == JSON else PROTOBUF, answer)
        except Refused as refused:
            pulse.emit(pulse.RequestRefused(status=refused.status, reason=refused.reason))
            await _send_error(send, refused, kind)

    def _admitted(self, scope: Scope, headers: Mapping[str, bytes], kind: str) -> str:
        """The path of a request that may go on.

        Raises:
            Refused: it may not.

        """
        if self._options.token is not None:
            scheme, _, token = headers.get("authorization", b"").partition(b" ")
            right = hmac.compare_digest(token.strip(), self._options.token.encode())
            if scheme.lower() != b"bearer" or not right:
                raise Refused(401, "A bearer token is needed.")
        path = str(scope["path"]).rstrip("/")
        if path not in _PATHS:
            raise Refused(404, f"Only {' and '.join(_PATHS)} are received.")
        if scope["method"] != "POST":
            raise Refused(405, "Only POST is answered.")
        if kind not in (PROTOBUF, JSON):
            raise Refused(415, f"The content type must be {PROTOBUF} or {JSON}.")
        if self._spool.full:
            raise Refused(503, "Too much waits to be stored; try again later.")
        return path

    async def _body(self, headers: Mapping[str, bytes], receive: Receive) -> bytes:
        """The body, unpacked.

        Raises:
            Refused: it is too large, comes too slowly, or is not what its encoding says.

        """
        most = self._options.most_bytes
        length = headers.get("content-length", b"")
        announced = int(length) if length.isdigit() and len(length) < 19 else most
        if announced > most:
            raise Refused(413, f"At most {most} bytes are received.")
        if self._in_flight + announced > _IN_FLIGHT:
            raise Refused(503, "Too much is being received; try again later.")
        body = _Body(headers.get("content-encoding", b"identity").lower(), most)
        self._in_flight += announced
        try:
            async with asyncio.timeout(_BODY_S):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Refused(400, "The request was broken off.")
                    body.take(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Refused(408, f"The body took longer than {_BODY_S:g} s.") from None
        finally:
            self._in_flight -= announced
        return body.whole()

    def _taken(self, path: str, body: bytes, *, as_json: bool) -> bytes:
        """The answer to a request whose records were kept.

        Raises:
            Refused: it cannot be read, or there is no room for it.

        """
        about = _PATHS[path]
        now = self._clock.now()
        sign = xxhash.xxh3_128_hexdigest(path.encode() + body)
        if self._spool.knows(sign, now.timestamp()):
            return b"{}" if as_json else about.response().SerializeToString()
        options = self._options
        envelope = Envelope(as_json, stamp(now), options.host, options.most_records)
        try:
            decoded = about.decode(body, envelope)
        except Unreadable as error:
            raise Refused(400, f"The body cannot be read: {error}") from error
        except TooMany as error:
            raise Refused(413, str(error)) from error
        if decoded.records:
            try:
                # What says no time of its own may well be said again.
                kept_as = sign if decoded.timed else ""
                self._spool.add(bytes(decoded.lines), kept_as, now.timestamp())
            except OSError as error:
                reason = f"The records cannot be kept: {error.strerror}."
                raise Refused(503, reason) from error
        pulse.emit(pulse.RecordsReceived(about.signal, decoded.records, decoded.unused))
        return _answer(about, decoded, as_json=as_json)


def _answer(about: _Path, decoded: Decoded, *, as_json: bool) -> bytes:
    """The success, with how many records were too many and were let go."""
    response = about.response()
    if decoded.rejected:
        reason = f"{decoded.records:,} records were taken, the others were too many at once."
        pulse.emit(pulse.RequestRefused(status=200, reason=f"{decoded.rejected:,} of it: {reason}"))
        setattr(response.partial_success, about.rejected, decoded.rejected)
        response.partial_success.error_message = reason
    if as_json:
        return orjson.dumps(MessageToDict(response))
    whole: bytes = response.SerializeToString()
    return whole


class _Body:
    """A body as it comes in, unpacked if need be, at most so large."""

    def __init__(self, encoding: bytes, most: int) -> None:
        if encoding not in (b"identity", b"", b"gzip"):
            raise Refused(415, "The content encoding must be gzip or none.")
        self._inflate = zlib.decompressobj(wbits=31) if encoding == b"gzip" else None
        self._pieces: list[bytes] = []
        self._most = most
        self._packed = self._size = 0

    def take(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            Refused: it is too much, or not gzip.

        """
        self._packed += len(piece)
        while True:
            part = piece if self._inflate is None else self._unpacked(piece)
            self._pieces.append(part)
            self._size += len(part)
            if max(self._size, self._packed) > self._most:
                raise Refused(413, f"At most {self._most} bytes are received, unpacked.")
            if self._inflate is None or not self._inflate.unconsumed_tail:
                return
            piece = self._inflate.unconsumed_tail

    def whole(self) -> bytes:
        """All of it.

        Raises:
            Refused: it ends too early.

        """
        if self._inflate is not None and not self._inflate.eof:
            raise Refused(400, "The body is not gzip to its end.")
        return b"".join(self._pieces)

    def _unpacked(self, piece: bytes) -> bytes:
        if self._inflate is None or self._inflate.eof:
            return b""
        try:
            return self._inflate.decompress(piece, _INFLATED)
        except zlib.error as error:
            raise Refused(400, f"The body is not gzip: {error}.") from error


async def _send(
    send: Send, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None
) -> None:
    headers = {"content-type": kind, "content-length": str(len(body)), **(more or {})}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _send_error(send: Send, refused: Refused, kind: str) -> None:
    """The error as google.rpc.Status, in the way in which it was asked."""
    more = {"connection": "close"}  # what is left of the body is not read
    if refused.status == 503:
        more["retry-after"] = str(_RETRY_S)
    if refused.status == 401:
        more["www-authenticate"] = "Bearer"
    if refused.status == 405:
        more["allow"] = "POST"
    text = refused.reason.encode()[:1000]
    if kind == PROTOBUF:
        length = bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) if len(text) > 127 else b""
        size = length if length else bytes([len(text)])
        await _send(send, refused.status, PROTOBUF, b"\x12" + size + text, more)
    else:
        body = orjson.dumps({"code": 0, "message": text.decode("utf-8", "ignore")})
        await _send(send, refused.status, JSON, body, more)
