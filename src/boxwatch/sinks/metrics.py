"""The metrics of this process for Prometheus: `GET /metrics`, on loopback unless told otherwise.

The names are those of `boxwatch.pulse.MEASURES`. A value that went stale is not in the answer.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from boxwatch.errors import EnvironmentFault, SettingError
from boxwatch.pulse import MEASURES, REGISTRY, PartFailed, Registry, emit

REQUEST_SECONDS: Final = 5.0


class PulseCollector(Collector):
    """A `pulse.Registry` as Prometheus metric families."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Every measure that has a value now, with its help and type."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._registry.readings():
            measure = MEASURES[reading.name]
            kind = CounterMetricFamily if measure.counter else GaugeMetricFamily
            family = families.setdefault(
                measure.name, kind(measure.name, measure.help, labels=measure.labels)
            )
            family.add_metric(reading.labels, reading.value)
        yield from families.values()


class MetricsEndpoint:
    """Serves the metrics from its own thread until closed.

    Args:
        host: an address; anything but loopback needs a token.
        port: 0 = any free one; `address` says which.
        token: what readers must send as `Authorization: Bearer …`; null = nothing.
        registry: the metrics to show.

    Raises:
        SettingError: the address is not loopback and there is no token.
        EnvironmentFault: the port is taken or may not be used.

    """

    def __init__(
        self, host: str, port: int, token: str | None = None, registry: Registry = REGISTRY
    ) -> None:
        if token is None and not _is_loopback(host):
            raise SettingError(
                f"service.metrics_host = {host!r} lets other machines read the metrics, "
                "and there is no token.",
                hint="Set service.metrics_token_file, or serve on '127.0.0.1'.",
            )
        shown = CollectorRegistry()
        shown.register(PulseCollector(registry))
        try:
            self._server = _Server((host, port), _handler(shown, token))
        except OSError as failure:
            raise EnvironmentFault(
                f"The metrics cannot be served on {host}:{port}: {failure.strerror}.",
                hint="Choose another port with --metrics-port, or stop what uses this one.",
            ) from failure
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the name lookup that the HTTP server would make here."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Write the failure down; a reader that hangs up is its own business."""
        failure = sys.exception()
        if not isinstance(failure, ConnectionError | TimeoutError):
            emit(PartFailed("metrics endpoint", repr(failure)))


def _handler(shown: CollectorRegistry, token: str | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        timeout = REQUEST_SECONDS
        server_version = "boxwatch"
        sys_version = ""

        def do_GET(self) -> None:
            """The metrics, to whoever may read them."""
            if self.path.partition("?")[0] != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, b"The metrics are at /metrics.\n")
            elif not _may_read(self.headers.get("Authorization", ""), token):
                self._answer(HTTPStatus.UNAUTHORIZED, b"Send the bearer token.\n")
            else:
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, encode(shown), kind)

        def _answer(
            self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8"
        ) -> None:
            self.send_response(status)
            if status is HTTPStatus.UNAUTHORIZED:
                self.send_header("WWW-Authenticate", "Bearer")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Requests are not worth a line."""

    return Handler


def _may_read(authorization: str, token: str | None) -> bool:
    given = authorization.encode()
    return token is None or hmac.compare_digest(given, f"Bearer {token}".encode())


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
