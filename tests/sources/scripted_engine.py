"""A container engine that says what a test wrote down: for what no real one can be brought to."""

import asyncio
import json

from boxwatch.errors import SourceError
from boxwatch.sources import Output


class ScriptedEngine:
    """One container `c1`, called web. `said` are its lines, `happened` the events, once each."""

    disorder_s = 10.0
    tail = 0

    def __init__(self, said=(), happened=(), driver="json-file", refusal=None):
        self.said = [Output(f"{line}\n".encode()) for line in said]
        self.happened = [json.dumps(event).encode() + b"\n" for event in happened]
        self.driver = driver
        self.refusal = refusal
        self.asked = []

    async def containers(self):
        self.asked.append("containers")
        return {"c1": True}

    async def inspect(self, container_id):
        self.asked.append("inspect")
        return {
            "Name": "/web",
            "State": {"Running": True, "Status": "running"},
            "HostConfig": {"LogConfig": {"Type": self.driver}},
        }

    async def logs(self, container_id, since, *, follow, tail=0):
        self.asked.append("logs")
        if self.refusal is not None:
            raise SourceError(*self.refusal[:1], state=self.refusal[1])
        for output in self.said:
            yield output
        await asyncio.Event().wait()

    async def events(self, since, until=""):
        self.asked.append("events")
        for line in self.happened:
            yield line
        await asyncio.Event().wait()
