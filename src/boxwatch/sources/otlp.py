"""OpenTelemetry in: logs and metrics that others send over OTLP/HTTP."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn

from boxwatch.clock import Clock, SystemClock, monotonic
from boxwatch.errors import SettingError, SourceError
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.otlp_app import AppOptions, OtlpApp
from boxwatch.sources.outbox import Health, Pauses
from boxwatch.sources.source import Position
from boxwatch.sources.spool import ROOM, Spool

MOST_RECORDS: Final = 100_000  # of a request; collectors send some thousand at once
_MOST_CONNECTIONS: Final = 64
_CLOSING_S: Final = 1.5
_PORT_HINT: Final = "Stop what uses the port, or choose another one with otlp.port."


@dataclass(frozen=True, slots=True)
class OtlpOptions:
    """Where to listen and what to accept.

    `token` is what senders must give, needed for any address but loopback; `most_bytes` the size
    of a request before and after decompression; `spool` the folder for what is not stored yet,
    and `room` what it may hold. `tls_cert` and `tls_key` are PEM files, read when listening
    begins; `tls_by_proxy` says that a proxy before it speaks TLS. Any address but loopback needs
    either.
    """

    spool: Path
    host: str = "127.0.0.1"
    port: int = 4318
    token: str | None = field(default=None, repr=False)
    most_bytes: int = 16 << 20
    room: int = ROOM
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_by_proxy: bool = False


class OtlpSource:
    """A receiver of OTLP/HTTP; implements `Source`.

    Raw kind `otlp`, one row a log record or data point of a metric that is known; others are
    counted and let go. A sender hears 200 once its records lie on the disk, so that a crash loses
    none; they are removed there once a turn that holds them was stored. A sender that did not hear
    the answer sends again: at least once.

    Args:
        host: The name for records that name none.
        options: Where to listen.
        position: `{"file", "offset"}` in the spool.
        clock: When records were received.

    Raises:
        SettingError: it would listen to other machines without a token, or in plain HTTP; or one
            of the two files for TLS is not named.

    """

    name = "otlp"

    def __init__(
        self,
        host: str,
        options: OtlpOptions,
        position: Position | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check(options)
        self._host = host
        self._options = options
        self._position = {} if position is None else position
        self._clock = SystemClock() if clock is None else clock
        self._health = Health(self.name, host, self._clock)
        self._pauses = Pauses()
        self._again_at = 0.0
        self._spool: Spool | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0  # the one that is listened on, once it is

    async def read(self) -> list[RawChunk]:
        """Records since the last call; what that gave is stored, and let go of here."""
        told = None
        if self._thread is None or not self._thread.is_alive():
            told = self._begin()
        lines = b"" if self._spool is None else self._spool.take()
        pairs = [("otlp", lines), ("status", b"" if told is None else told)]
        return [RawChunk(kind, data, self._host, "OTLP") for kind, data in pairs if data]

    def position(self) -> Position:
        """After the last record handed over."""
        return self._position if self._spool is None else self._spool.position()

    async def close(self) -> None:
        """Stop listening; requests under way are answered or broken off."""
        if self._server is not None:
            self._server.should_exit = True
        thread = self._thread
        if thread is not None:
            deadline = monotonic() + _CLOSING_S
            while thread.is_alive() and monotonic() < deadline:
                await asyncio.sleep(0.01)
            if thread.is_alive() and self._server is not None:
                self._server.force_exit = True
        self._thread = None
        if self._spool is not None:
            self._spool.close()

    async def probe(self) -> Capability:
        """Whether the port can be listened on."""
        try:
            _tls(self._options)
            self._listening().close()
        except SourceError as error:
            return Capability(self.name, error.state, error.message, error.hint)
        except OSError as error:
            where = f"{self._options.host}:{self._options.port}"
            return Capability(self.name, "failing", f"{where}: {error.strerror}.", _PORT_HINT)
        return Capability(self.name, "ok", f"{self._options.host}:{self._options.port} is free.")

    def _begin(self) -> bytes | None:
        """Listen; a status record if that is news."""
        if monotonic() < self._again_at:
            return None
        try:
            tls = _tls(self._options)
            if self._spool is None:
                self._spool = Spool(self._options.spool, self._position, self._options.room)
            listening = self._listening()
        except SourceError as error:
            self._again_at = monotonic() + self._pauses.next()
            parcel = self._health.tell(error.state, error.message, error.hint)
        except OSError as error:
            self._again_at = monotonic() + self._pauses.next()
            reason = f"{self._options.host}:{self._options.port}: {error.strerror}."
            parcel = self._health.tell("failing", reason, _PORT_HINT)
        else:
            self._pauses.reset()
            self._serve(listening, self._spool, tls)
            parcel = self._health.tell("ok")
        return None if parcel is None else parcel.printed

    def _listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._options.host else socket.AF_INET
        return socket.create_server(
            (self._options.host, self._options.port), family=family, backlog=_MOST_CONNECTIONS
        )

    def _serve(self, listening: socket.socket, spool: Spool, tls: ssl.SSLContext | None) -> None:
        """Answer requests on a thread of its own: writing through to the disk takes its time."""
        options = self._options
        accepted = AppOptions(options.token, options.most_bytes, self._host, MOST_RECORDS)
        config = uvicorn.Config(
            OtlpApp(spool, accepted, self._clock),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = tls
        self.port = listening.getsockname()[1]
        self._server = server = uvicorn.Server(config)

        def work() -> None:
            try:
                asyncio.run(server.serve(sockets=[listening]))
            finally:
                listening.close()

        self._thread = threading.Thread(target=work, name="boxwatch-otlp", daemon=True)
        self._thread.start()


def _check(options: OtlpOptions) -> None:
    """Raise SettingError unless it is safe to listen so."""
    if (options.tls_cert is None) != (options.tls_key is None):
        raise SettingError(
            "Of otlp.tls_cert and otlp.tls_key only one is set.", hint="Set both, or none."
        )
    if _is_loopback(options.host):
        return
    if options.token is None:
        raise SettingError(
            f"otlp.host = {options.host!r} lets other machines send records, "
            "and there is no token.",
            hint="Set otlp.token_file, or listen on '127.0.0.1'.",
        )
    if options.tls_cert is None and not options.tls_by_proxy:
        raise SettingError(
            f"otlp.host = {options.host!r} would take the token over the network in plain HTTP.",
            hint="Set otlp.tls_cert and otlp.tls_key; or otlp.tls_by_proxy = true where a proxy "
            "before it speaks TLS.",
        )


def _tls(options: OtlpOptions) -> ssl.SSLContext | None:
    """How TLS is spoken, with the files as they are now; None where it is not.

    Raises:
        SourceError: the files cannot be read or do not belong together.

    """
    if options.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a password would be asked for on the terminal.
        context.load_cert_chain(options.tls_cert, options.tls_key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"otlp.tls_cert {str(options.tls_cert)!r} with otlp.tls_key "
            f"{str(options.tls_key)!r} cannot be used: {error}.",
            hint="Both are PEM files; the key has no password and belongs to the certificate.",
        ) from error
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
