"""AI services: what model servers say of themselves at their metrics endpoints."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from boxwatch.clock import Clock, SystemClock
from boxwatch.events.schema import RawChunk
from boxwatch.sources.capability import Capability
from boxwatch.sources.outbox import Health, Outbox, Parcel, chunks, stamp
from boxwatch.sources.patience import begin, stop
from boxwatch.sources.scrape import Answer, Endpoint, Fetch, HttpFetch
from boxwatch.sources.scraped import read_page
from boxwatch.sources.source import Position

_CREDENTIAL_HINT: Final = "Set token_file or token_env of this service to what the server expects."
_PATH_HINT: Final = (
    "vLLM, TGI and Triton serve /metrics by themselves; llama.cpp with --metrics, SGLang with "
    "--enable-metrics; ollama needs a proxy or exporter."
)
_ALIVE_HINT: Final = "See whether the server runs, and whether the URL is right from here."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer means: the state of the endpoint, and what it said of the service.

    `answers` is 1 if the server answers at all, 0 if it does not or says that it cannot.
    """

    state: str
    reason: str = ""
    hint: str = ""
    answers: int = 1
    metrics: dict[str, float] = field(default_factory=dict)


class ServicesSource:
    """The metrics endpoints of model servers; implements `Source`.

    Raw kind `service`, one row an endpoint and reading: `host, collected_at, service, server,
    answers` and the metrics by their names in `events.metrics`. Readings have no past, so there is
    no position: what was not read is not known. A status of its own, `services/<name>`, says of
    each endpoint what is wrong with it; one that hangs delays no other.
    """

    name = "services"

    def __init__(
        self,
        host: str,
        endpoints: Sequence[Endpoint],
        fetch: Fetch | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._endpoints = list(endpoints)
        self._fetch = fetch
        self._clock = SystemClock() if clock is None else clock
        self._outbox = Outbox()
        self._tasks: list[asyncio.Task[None]] = []

    async def read(self) -> list[RawChunk]:
        """Readings since the last call."""
        if not self._tasks:
            fetch = self._way()
            self._tasks = [
                begin(self._watch(endpoint, fetch), f"{self.name}/{endpoint.name}")
                for endpoint in self._endpoints
            ]
        parcels = self._outbox.take()
        for task in self._tasks:
            if not parcels and task.done():
                task.result()
        return chunks(parcels, self._host, "metrics endpoints")

    def position(self) -> Position:
        """Nothing: readings have no past."""
        return {}

    async def close(self) -> None:
        """Stop reading and close the connections."""
        await stop(self._tasks)
        if self._fetch is not None:
            await self._fetch.close()

    async def probe(self) -> Capability:
        """Whether every endpoint answers with metrics of a model server that is known."""
        fetch = self._way()
        outcomes = [judge(await fetch.get(endpoint)) for endpoint in self._endpoints]
        for endpoint, outcome in zip(self._endpoints, outcomes, strict=True):
            if outcome.state != "ok":
                reason = f"{endpoint.name}: {outcome.reason}"
                return Capability(self.name, outcome.state, reason, outcome.hint)
        return Capability(self.name, "ok", f"{len(outcomes)} endpoints.")

    def _way(self) -> Fetch:
        if self._fetch is None:
            tls = any(endpoint.url.lower().startswith("https:") for endpoint in self._endpoints)
            self._fetch = HttpFetch(tls=tls)
        return self._fetch

    async def _watch(self, endpoint: Endpoint, fetch: Fetch) -> None:
        host = endpoint.host or self._host
        health = Health(f"{self.name}/{endpoint.name}", host, self._clock)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            collected_at = stamp(self._clock.now())
            outcome = judge(await fetch.get(endpoint))
            self._outbox.add(health.tell(outcome.state, outcome.reason, outcome.hint))
            row = {
                "host": host,
                "collected_at": collected_at,
                "service": endpoint.name,
                "answers": outcome.answers,
                **{name: _told(value) for name, value in outcome.metrics.items()},
            }
            lines = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            await self._outbox.put(Parcel("service", lines))
            due = max(due + endpoint.interval_s, loop.time())
            await asyncio.sleep(due - loop.time())


def judge(answer: Answer) -> Outcome:
    """What `answer` means for the service and for us."""
    status = answer.status
    if status == 0:
        return Outcome("hung" if answer.hung else "failing", answer.fault, _ALIVE_HINT, answers=0)
    if status != 200:
        return _refusal(status, answer.location)
    if answer.fault:
        return Outcome("failing", answer.fault, _PATH_HINT)
    page = read_page(answer.body)
    if not page.server:
        return Outcome("failing", page.foreign, _PATH_HINT)
    return Outcome("ok", metrics=page.metrics)


def _refusal(status: int, location: str) -> Outcome:
    if status in (401, 403):
        return Outcome("denied", f"It answers {status}: it wants a token.", _CREDENTIAL_HINT)
    if 300 <= status < 400:
        where = f" to {location[:200]}" if location else ""
        reason = f"It redirects{where}; redirects are not followed."
        return Outcome("failing", reason, "Set url to where it leads, if you trust that.")
    if status >= 500:
        return Outcome("failing", f"It answers {status}.", _ALIVE_HINT, answers=0)
    return Outcome("failing", f"It answers {status}.", _PATH_HINT)


def _told(value: float) -> float | str:
    return value if math.isfinite(value) else "the server says it is no number"
