"""Who uses which card: so that a finding about a card names the services it hurts.

Learnt from the lines that the GPU source writes when the processes on a card change. What is told
of a finding is what held when it was first told of, and stays with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from boxwatch.detections.detection import Detection, Reason

_MOST: Final = 5  # services named; the largest come first
_MOST_TOLD: Final = 1000  # findings whose users are remembered
_PID: Final = re.compile(r"\bpid='?(\d+)")

Process = Mapping[str, object]
_Key = tuple[str, str]


class Users:
    """The processes on each card, and what was told of findings; all state is in `save()`."""

    def __init__(self) -> None:
        self._on: dict[_Key, list[Process]] = {}  # (host, entity) -> processes
        self._told: dict[str, list[list[str]]] = {}  # finding -> [text, entity] of each reason

    def learn(self, host: str, attributes: str) -> None:
        """Take the processes of a card from the attributes of a GPU record, if it lists them."""
        told = json.loads(attributes)
        listed = told.get("processes")
        if isinstance(listed, list) and "index" in told:
            self._on[host, f"gpu:{told['index']}"] = [p for p in listed if isinstance(p, dict)]

    def naming(self, found: Sequence[Detection]) -> list[Detection]:
        """`found` with who uses the card among the reasons, for those about a card."""
        return [self._naming(one) if one.entity.startswith("gpu:") else one for one in found]

    def _naming(self, found: Detection) -> Detection:
        told = self._told.get(found.id)
        if told is None:
            told = self._told[found.id] = self._reasons(found)
            for old in list(self._told)[: -_MOST_TOLD or None]:
                del self._told[old]
        more = tuple(Reason(text, entity=entity) for text, entity in told)
        return replace(found, reasons=(*found.reasons, *more)) if more else found

    def _reasons(self, found: Detection) -> list[list[str]]:
        processes = self._on.get((found.host, found.entity), [])
        return [*_culprits(found, processes), *_in_use(found, processes)]

    def save(self) -> dict[str, object]:
        """All that is known, JSON-able."""
        return {
            "on": [[*key, processes] for key, processes in self._on.items()],
            "told": self._told,
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Know again what `save` described."""
        fresh = json.loads(json.dumps(dict(state)))
        self._on = {(host, entity): processes for host, entity, processes in fresh["on"]}
        self._told = fresh["told"]


def _service(process: Process) -> str:
    service = process.get("service")
    return service if isinstance(service, str) else ""


def _name(process: Process) -> str:
    return str(process.get("name") or "a process").rsplit("/", 1)[-1]


def _culprits(found: Detection, processes: Sequence[Process]) -> list[list[str]]:
    """The services of the processes that the finding's lines name by PID."""
    named = {pid for reason in found.reasons for pid in _PID.findall(reason.text)}
    return [
        [f"process {p['pid']} is {_name(p)} of {_service(p).partition(':')[2]}", _service(p)]
        for p in processes
        if str(p.get("pid")) in named and _service(p)
    ][:_MOST]


def _in_use(found: Detection, processes: Sequence[Process]) -> list[list[str]]:
    """One reason that lists who uses the card, with the device memory each holds."""
    held: dict[str, float] = {}
    for process in processes:
        who = _service(process).partition(":")[2] or _name(process)
        memory = process.get("memory_mib")
        held[who] = held.get(who, 0.0) + (memory if isinstance(memory, int | float) else 0.0)
    if not held:
        return []
    largest = sorted(held.items(), key=lambda item: -item[1])
    said = [f"{who} ({mib / 1024:.1f} GiB)" if mib else who for who, mib in largest[:_MOST]]
    more = f" and {len(held) - _MOST} others" if len(held) > _MOST else ""
    return [[f"the card is used by {', '.join(said)}{more}", found.entity]]
