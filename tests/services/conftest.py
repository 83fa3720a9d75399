"""Shared by the tests of AI services: a server to ask, and sources that ask it."""

import asyncio
import json

import pytest
from tests.services.model_server import ModelServer

from boxwatch.sources.scrape import Endpoint
from boxwatch.sources.services import ServicesSource


@pytest.fixture
def serve():
    """Starts servers that answer as they are told; stops them."""
    started = []

    def start(answer):
        started.append(ModelServer(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def readings():
    """The rows of a kind that endpoints give, until there is one, or `enough` of them."""

    def read(*endpoints, enough=bool, kind="service", fetch=None):
        return asyncio.run(_read(ServicesSource("box", endpoints, fetch), enough, kind))

    return read


async def _read(source, enough, kind):
    rows = []
    try:
        async with asyncio.timeout(60):
            while not enough(rows):
                for chunk in await source.read():
                    if chunk.kind == kind:
                        rows += map(json.loads, chunk.lines.splitlines())
                await asyncio.sleep(0.01)
    finally:
        await source.close()
    return rows


@pytest.fixture
def endpoint():
    """An endpoint that is asked often and given up late, unless told otherwise."""

    def make(url, name="vllm", **options):
        return Endpoint(name, url, **{"interval_s": 0.05, "limit_s": 30.0, **options})

    return make
