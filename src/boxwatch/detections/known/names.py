"""Which entity a line speaks of: names learnt from lines, and the words a person reads.

The kernel knows a GPU by its PCI address and a container by the id in its cgroup path; people and
readings know `gpu:0` and `service:vllm`. What links them is learnt from the stream, in its order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

import polars as pl

from boxwatch.detections.known.lines import Hit
from boxwatch.errors import SettingError
from boxwatch.events import owner_of
from boxwatch.events.services import of_container, of_unit

_UNIT: Final = re.compile(r"(?P<unit>[^/]+\.(?:service|scope|mount|timer|socket))(?:/|$)")
_PARTITION: Final = re.compile(r"^(?P<disk>nvme\d+n\d+|mmcblk\d+)p\d+$|^(?P<sd>[sv]d[a-z]+)\d+$")
_WORDS: Final = {
    "disk": "Disk",
    "fs": "File system",
    "gpu": "GPU",
    "net": "Network",
    "sensor": "Sensor",
    "source": "Source",
}
_SHORT: Final = 12  # how many letters of a container id people see


def pci_address(text: str) -> str:
    """A PCI address in one spelling: `0000:41:00`, whatever domain width and function it had."""
    domain, _, rest = text.lower().removeprefix("pci:").partition(":")
    if ":" not in rest:  # no domain was given: bus:device
        domain, rest = "0", f"{domain}:{rest}"
    return f"{int(domain, 16):04x}:{rest.split('.', maxsplit=1)[0]}"


def in_words(entity: str, host: str) -> str:
    """An entity as a person would say it: `gpu:1` is "GPU 1", `fs:/var` is "/var"."""
    kind, _, name = entity.partition(":")
    if not name:
        return host
    return f"{_WORDS[kind]} {name}" if kind in _WORDS else name


class Names:
    """Links PCI addresses to GPUs and container ids to names; all of its state is in `save()`."""

    def __init__(self, pci_to_gpu: Mapping[str, int | str] | None = None) -> None:
        self._given = {pci_address(k): _index(v) for k, v in (pci_to_gpu or {}).items()}
        self._gpus: dict[str, dict[str, str]] = {}  # host -> PCI address or uuid -> index
        self._uuids: dict[str, dict[str, str]] = {}  # host -> PCI address -> uuid
        self._seen: dict[str, dict[str, int]] = {}  # host -> GPU -> its first reading
        self._containers: dict[str, str] = {}  # short id -> name
        self._users: dict[str, dict[str, list[str]]] = {}  # host -> GPU -> services on it

    def learn_readings(self, gpus: pl.DataFrame) -> None:
        """Remember since when each host's GPUs give readings (host, entity, time; one row each)."""
        first = gpus.lazy().group_by("host", "entity").agg(pl.col("time").dt.timestamp("us").min())
        for host, entity, us in first.collect().iter_rows():
            seen = self._seen.setdefault(host, {})
            seen[entity] = min(us, seen.get(entity, us))

    def learn_line(self, hit: Hit) -> None:
        """Take the uuid of a GPU from a driver line such as `NVRM: GPU at PCI:…: GPU-…`."""
        self._uuids.setdefault(hit.host, {})[pci_address(hit.groups["pci"])] = hit.groups["uuid"]

    def learn_gpu(self, host: str, attributes: str) -> None:
        """Take index, PCI address and uuid from the attributes of a GPU record."""
        told = json.loads(attributes)
        index = told.get("index")
        if index is None:
            return
        known = self._gpus.setdefault(host, {})
        for key in ("pci.bus_id", "pci_bus_id"):
            if told.get(key):
                known[pci_address(str(told[key]))] = str(index)
        if told.get("uuid"):
            known[str(told["uuid"])] = str(index)
        if isinstance(told.get("processes"), list):
            services = {str(process.get("service")) for process in told["processes"]}
            self._users.setdefault(host, {})[f"gpu:{index}"] = sorted(services)

    def gpus_of(self, host: str, service: str) -> list[str]:
        """The GPUs that processes of `service` were last seen on."""
        users = self._users.get(host, {})
        return sorted(gpu for gpu, services in users.items() if service in services)

    def learn_container(self, identifier: str, name: str) -> None:
        """Remember the name of a container id."""
        self._containers[identifier[:_SHORT]] = name.lstrip("/")

    def entity(self, kind: str, hit: Hit) -> str:
        """The entity that a line is about, given the entity kind of its rule."""
        match kind:
            case "gpu":
                return self._gpu(hit, "gpu")
            case "gpu-or-host":
                return self._gpu(hit, "host")
            case "disk":
                return f"disk:{_disk(hit.groups)}"
            case "service" | "origin":
                return self._service(hit)
            case _:
                return "host"

    def _gpu(self, hit: Hit, fallback: str) -> str:
        first = self._seen.get(hit.host, {})
        seen = [gpu for gpu, us in first.items() if us <= hit.time_us]  # not what comes later
        only = seen[0] if len(seen) == 1 else None
        if "pci" not in hit.groups:
            return only if only is not None else fallback
        address = pci_address(hit.groups["pci"])
        known = self._gpus.get(hit.host, {})
        uuid = self._uuids.get(hit.host, {}).get(address, "")
        index = self._given.get(address, known.get(address, known.get(uuid)))
        if index is not None:
            return f"gpu:{index}"
        if fallback == "host":
            return "host"  # the device may be anything: a bridge, a network card
        return only if only is not None else f"gpu:{address}"

    def _service(self, hit: Hit) -> str:
        for group in ("unit", "cgroup", "limited"):
            text = hit.groups.get(group, "")
            kind, owner = owner_of(text)
            if kind == "container":
                return of_container(owner, self._containers.get(owner[:_SHORT], ""))
            unit = _UNIT.search(text)
            if unit is not None:
                return of_unit(unit["unit"])
        if hit.container_name:
            return f"service:{hit.container_name.lstrip('/')}"
        if hit.container_id:
            short = hit.container_id[:_SHORT]
            return f"service:{self._containers.get(short, short)}"
        return of_unit(hit.unit) if hit.unit and hit.unit != "kernel" else "host"

    def save(self) -> dict[str, object]:
        """All that was learnt, JSON-able."""
        return {
            "gpus": self._gpus,
            "uuids": self._uuids,
            "seen": self._seen,
            "containers": self._containers,
            "users": self._users,
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Know again what `save` described."""
        fresh = json.loads(json.dumps(dict(state)))
        self._gpus, self._uuids = fresh["gpus"], fresh["uuids"]
        self._seen, self._containers = fresh["seen"], fresh["containers"]
        self._users = fresh["users"]


def _index(value: int | str) -> str:
    text = str(value).removeprefix("gpu:")
    if not text.isdigit():
        raise SettingError(f"GPU {value!r} must be an index such as 0 or 'gpu:0'.")
    return text


def _disk(groups: Mapping[str, str]) -> str:
    name = groups.get("device", groups.get("device2", groups.get("device3", "unknown")))
    part = _PARTITION.match(name)
    return name if part is None else part["disk"] or part["sd"]
