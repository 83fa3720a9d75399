"""Log records: journald's JSON, container lines and container events, as their tools print them."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from datetime import timedelta
from operator import itemgetter
from typing import Any, Final

import orjson

from boxwatch.clock import EPOCH
from boxwatch.sources.simulated.channels import CHANNELS, Channel
from boxwatch.sources.simulated.host_rows import BOOTED_S
from boxwatch.sources.simulated.world import World

# What systemd says of units, by systemd.catalog: the first match names the message.
_MESSAGE_IDS: Final = (
    ("Starting ", "7d4958e842da4a758f6c1cdc7b36dcc5"),
    ("Started ", "39f53479d3a045ac8e11786248231fbf"),
    ("Finished ", "39f53479d3a045ac8e11786248231fbf"),
    ("Stopping ", "de5b426a63be47a7b6ac3eaac82e2f6f"),
    ("Stopped ", "9d1aaa27d60140bd96365438aad20286"),
    ("Failed to start ", "be02cf6855d2428ba40df7e9d022f03d"),
    ("Time has been changed", "c7a787079b354eaaa9e77b371893cd27"),
    (": Deactivated successfully", "7ad2d189f7e94e70a38c781354912448"),
    (": Failed with result", "d9b373ed55a64feb8242e02dbe79a49c"),
)


class LogRecords:
    """Every log line and container event of `world`, ready to be written hour by hour."""

    def __init__(self, world: World) -> None:
        self._writer = _Writer(world)
        self._rows = _in_order(world, world.lines.rows)
        self._events = _in_order(world, world.lines.events)

    def between(self, start: int, end: int) -> dict[str, list[bytes]]:
        """The records of the seconds from `start` to `end`, by raw kind."""
        found: dict[str, list[bytes]] = {"systemd": [], "docker": [], "docker_events": []}
        first, last = (
            bisect_left(self._rows, second, key=itemgetter(0)) for second in (start, end)
        )
        for number in range(first, last):
            second, name, level, text, about = self._rows[number]
            channel = CHANNELS[name]
            if channel.kind == "docker":
                found["docker"].append(self._writer.container(second, channel, text))
            else:
                said = (level, text, about)
                found["systemd"].append(self._writer.journal(second, channel, said, number))
        first, last = (
            bisect_left(self._events, start, key=itemgetter(0)),
            bisect_left(self._events, end, key=itemgetter(0)),
        )
        for second, name, action, attributes in self._events[first:last]:
            record = self._writer.event(second, CHANNELS[name], action, attributes)
            found["docker_events"].append(record)
        return found


def _in_order(world: World, rows: list[Any]) -> list[Any]:
    """`rows` inside the span, each up to 3 ms late, by time; the delay depends on the row alone."""
    late = []
    for row in rows:
        if 0 <= row[0] < world.span.seconds:
            delay = (round(row[0] * 1e6) * 2654435761 >> 7) % 3000 / 1e6
            late.append((min(row[0] + delay, world.span.seconds - 1e-6), *row[1:]))
    return sorted(late, key=itemgetter(0))


class _Writer:
    def __init__(self, world: World) -> None:
        key = f"{world.name}:{world.seed}".encode()
        self._host = world.name
        self._start = world.span.micros
        self._error = (world.clock_error * 1e6).astype("int64").tolist()
        self._boot = hashlib.md5(key, usedforsecurity=False).hexdigest()
        self._machine = hashlib.sha256(key).hexdigest()[:32]

    def _wall(self, second: float) -> int:
        return self._start + round(second * 1e6) + int(self._error[int(second)])

    def _said(self, channel: Channel, text: str, wall: int) -> str:
        if "{ts}" not in text:
            return text
        then = EPOCH + timedelta(microseconds=wall)
        stamp = channel.stamp.replace("%f", f"{then.microsecond // 1000:03d}")
        if text.startswith("time={ts}"):  # ollama has two kinds of lines
            stamp = f"%Y-%m-%dT%H:%M:%S.{then.microsecond // 1000:03d}Z"
        return text.replace("{ts}", then.strftime(stamp))

    def journal(
        self, second: float, channel: Channel, said: tuple[int, str, str], number: int
    ) -> bytes:
        """One record as `journalctl -o json` prints it: strings only, absent fields absent."""
        level, text, about = said
        if channel.transport == "stdout":
            level = 6  # what a unit prints is all of one priority: systemd knows no better
        wall = self._wall(second)
        monotonic = round((BOOTED_S + second) * 1e6)
        message = self._said(channel, text, wall)
        unique = hashlib.blake2b(f"{number}:{wall}:{self._boot}".encode(), digest_size=8)
        record = {
            "__CURSOR": f"s={self._machine[::-1]};i={0x4A1F00 + number:x};b={self._boot};"
            f"m={monotonic:x};t={wall:x};x={unique.hexdigest()}",
            "__REALTIME_TIMESTAMP": str(wall),
            "__MONOTONIC_TIMESTAMP": str(monotonic),
            "_BOOT_ID": self._boot,
            "_MACHINE_ID": self._machine,
            "_HOSTNAME": self._host,
            "_TRANSPORT": channel.transport,
            "PRIORITY": str(level),
            "SYSLOG_IDENTIFIER": channel.identifier,
            "MESSAGE": message,
        }
        if channel.transport == "kernel":
            record["SYSLOG_FACILITY"] = "0"
            record["_SOURCE_MONOTONIC_TIMESTAMP"] = str(monotonic - 40)
        else:
            record["_PID"] = str(channel.pid)
            record["_UID"] = "0"
            record["_COMM"] = channel.identifier[:15]
            record["_SYSTEMD_UNIT"] = channel.unit
        if channel.name == "systemd":
            record |= self._about(about, text)
        return orjson.dumps(record)

    def _about(self, unit: str, text: str) -> dict[str, str]:
        found = {"UNIT": unit} if unit and unit != "init.scope" else {}
        for phrase, message_id in _MESSAGE_IDS:
            if phrase in text:
                return found | {"MESSAGE_ID": message_id}
        return found

    def container(self, second: float, channel: Channel, text: str) -> bytes:
        """One line of a container."""
        wall = self._wall(second)
        stamp = (EPOCH + timedelta(microseconds=wall)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        return orjson.dumps(
            {
                "host": self._host,
                "container_id": channel.container_id,
                "container_name": channel.name,
                "stream": channel.stream,
                "timestamp": f"{stamp}{wall * 37 % 1000:03d}Z",
                "message": self._said(channel, text, wall),
            }
        )

    def event(
        self, second: float, channel: Channel, action: str, attributes: dict[str, str]
    ) -> bytes:
        """One event as `docker events --format '{{json .}}'` prints it."""
        wall = self._wall(second)
        if action == "pull":
            actor = {
                "ID": "ghcr.io/open-webui/open-webui:main",
                "Attributes": {"name": "open-webui"},
            }
            return orjson.dumps(self._event("image", action, actor, wall))
        actor = {"ID": channel.container_id, "Attributes": {**attributes, "name": channel.name}}
        legacy = {"status": action, "id": channel.container_id, "from": channel.image}
        return orjson.dumps(legacy | self._event("container", action, actor, wall))

    def _event(self, kind: str, action: str, actor: object, wall: int) -> dict[str, object]:
        return {
            "Type": kind,
            "Action": action,
            "Actor": actor,
            "scope": "local",
            "time": wall // 1_000_000,
            "timeNano": wall * 1000 + wall * 37 % 1000,
            "host": self._host,
        }
