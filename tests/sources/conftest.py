"""Shared by the tests of the sources: reading with patience, and real journals and daemons."""

import asyncio
import json
import os
from collections import Counter

import pytest


@pytest.fixture
def rows():
    """The JSON objects of `chunks` of one kind."""

    def of(chunks, kind):
        return [
            json.loads(line) for chunk in chunks if chunk.kind == kind
            for line in chunk.lines.splitlines()
        ]

    return of


@pytest.fixture
def until():
    """Read a source until `enough(chunks)` holds; fails after `limit_s`."""

    async def read(source, enough, limit_s=15.0):
        chunks = []
        async with asyncio.timeout(limit_s):
            while True:
                chunks += await source.read()
                if enough(chunks):
                    return chunks
                await asyncio.sleep(0.01)

    return read


@pytest.fixture
def belongings():
    """A count of this process's open files, children and threads, to compare before and after."""

    def count():
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
            children = file.read().split()
        return Counter(files=len(os.listdir("/proc/self/fd")), children=len(children))

    return count
