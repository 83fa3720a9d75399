"""Shared by the tests of the receiver: a real one on a free port, and a sender."""

import asyncio
import http.client
import json

import pytest

from boxwatch.sources.otlp import OtlpOptions, OtlpSource


class Receiver:
    """A receiver that is asked for its records, in one event loop; and a client of it."""

    def __init__(self, folder, position=None, **options):
        chosen = {"port": 0, "spool": folder, **options}
        self._runner = asyncio.Runner()
        self.source = OtlpSource("box", OtlpOptions(**chosen), position)
        self.first = self.read()
        self.stopped = False

    def read(self):
        return self._runner.run(self.source.read())

    def rows(self):
        chunks = [chunk for chunk in self.read() if chunk.kind == "otlp"]
        return [json.loads(line) for chunk in chunks for line in chunk.lines.split(b"\n") if line]

    def post(self, path, body, *, tls=None, **headers):
        """Status, headers and body of the answer to a request; `tls` is the context to use."""
        at = ("127.0.0.1", self.source.port)
        if tls is None:
            connection = http.client.HTTPConnection(*at, timeout=60)
        else:
            connection = http.client.HTTPSConnection(*at, timeout=60, context=tls)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def stop(self):
        if not self.stopped:
            self._runner.run(self.source.close())
            self._runner.close()
        self.stopped = True
        return json.loads(json.dumps(self.source.position()))


@pytest.fixture
def receive(tmp_path):
    """Starts receivers; stops them."""
    started = []

    def start(position=None, **options):
        started.append(Receiver(tmp_path / "spool", position, **options))
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()
