"""What happens to GPUs: which card stands where, which processes use it, what its driver reports.

One record of kind `gpu_events` a card, by its `what`:

- `card`: a card was found, or changed: `uuid`, `pci.bus_id` and what else identifies it. The kernel
  knows cards by their PCI address, readings by their index; these lines link the two.
- `processes`: `processes` is a list of `{pid, name, memory_mib, owner_kind, owner,
  container_name}`; `changed` is true where the set is not that of the record before.
- `mig`: `instances` that the card is split into, a list of `{instance, gpu_instance,
  compute_instance, memory_used, ...}`; `changed` as above.
- `xid`: the driver reported the error `xid` (nvmlEventSetWait,
  https://docs.nvidia.com/deploy/nvml-api/group__nvmlEvents.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from boxwatch.events import attributes, gpu_instances, identity, instants, services
from boxwatch.events.drafts import log_events, missing
from boxwatch.events.ndjson import Records
from boxwatch.events.quarantine import gather
from boxwatch.events.schema import SAMPLES, Events, check, empty

_CARD: Final = (
    "uuid",
    "pci.bus_id",
    "name",
    "serial",
    "driver_version",
    "vbios_version",
    "mig.mode.current",
    "index.reported",
)
COLUMNS: Final = (
    *("host", "collected_at", "what", "index", "changed", "xid", "processes", "instances"),
    *_CARD,
)

_SEVERITY: Final = {"card": 9, "processes": 9, "mig": 9, "xid": 17}
_LISTS: Final = ("processes", "mig")  # told as lines only where they changed
_MIB: Final = 1024.0 * 1024.0
_MOST_MIB: Final = 2.0**40  # more is no size
_NUMBER: Final = re.compile(r"\d{1,3}", re.ASCII)

Process = Mapping[str, Any]


def normalise(records: Records) -> Events:
    """The log rows of GPU events, and device memory by service from lists of processes."""
    index = pl.col("index").str.extract(r"^\s*(\d{1,4})\s*$")
    frame = records.frame.with_columns(
        instants.from_written(pl.col("collected_at")).alias("time"),
        pl.col("host").fill_null(records.chunk.host),
        index.alias("index"),
    )
    sound = pl.col("what").is_in(list(_SEVERITY)) & pl.col("index").is_not_null()
    sound &= (pl.col("what") != "xid") | pl.col("xid").str.contains(r"^\d{1,5}$")
    sound = sound.fill_null(value=False)
    strange = frame.filter(~sound)["row"].to_list()
    frame = frame.filter(sound)
    lists = {row: _processes(records, row) for row in _rows(frame, "processes")}
    split = {row: _instances(records, row) for row in _rows(frame, "mig")}
    unchanged = pl.col("what").is_in(_LISTS) & (pl.col("changed") != "true").fill_null(value=True)
    told = _logs(records, frame.filter(~unchanged), lists, split)
    aside = records.set_aside(
        strange, f"no card, or an event that is none of {', '.join(_SEVERITY)}"
    )
    samples = pl.concat([_held(frame, lists), gpu_instances.samples(frame, split)])
    return Events(told.logs, samples, gather([told.quarantined, aside]))


def _rows(frame: pl.DataFrame, what: str) -> list[int]:
    return frame.filter(pl.col("what") == what)["row"].to_list()


def _processes(records: Records, row: int) -> list[Process]:
    """The processes of a record, each with its `service`; what is no process is left out."""
    told = records.fields(row).get("processes")
    listed = [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
    return [item | {"service": _service(item)} for item in listed]


def _instances(records: Records, row: int) -> list[Mapping[str, Any]]:
    """The instances of a record; what is none is left out."""
    told = records.fields(row).get("instances")
    listed = [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
    return [item for item in listed if _NUMBER.fullmatch(str(item.get("instance")))]


def _service(process: Process) -> str | None:
    owner = process.get("owner")
    if not isinstance(owner, str) or not owner:
        return None
    if process.get("owner_kind") == "container":
        name = process.get("container_name")
        return services.of_container(owner, name if isinstance(name, str) else "")
    return services.of_unit(owner)


def _logs(
    records: Records,
    frame: pl.DataFrame,
    lists: Mapping[int, list[Process]],
    split: Mapping[int, list[Mapping[str, Any]]],
) -> Events:
    rows = frame["row"].to_list()
    extras: dict[int, dict[str, Any]] = {}
    for at, row in enumerate(rows):
        if row in lists:
            extras[at] = {"processes": lists[row]}
        elif row in split:
            extras[at] = {"instances": split[row]}
    used = [_usage(lists[row]) if row in lists else "" for row in rows]
    parts = [gpu_instances.in_words(split[row]) if row in split else "" for row in rows]
    card = pl.concat_str([pl.lit("GPU "), "index"])
    facts = [pl.col(name).fill_null("unknown") for name in ("name", "pci.bus_id", "uuid")]
    found = pl.format(
        "{} is {} at {} ({}), driver {}.", card, *facts, _or_unknown("driver_version")
    )
    xid = pl.format("NVML: Xid (PCI:{}): {}, on {}", _or_unknown("pci.bus_id"), "xid", card)
    message = (
        pl.when(pl.col("what") == "card")
        .then(found)
        .when(pl.col("what") == "xid")
        .then(xid)
        .when(pl.col("what") == "mig")
        .then(pl.concat_str([card, pl.lit(" is split into "), pl.Series("parts", parts)]))
        .otherwise(pl.concat_str([card, pl.lit(" is used by "), pl.Series("used", used)]))
    )
    draft = frame.select(
        "row",
        "time",
        "host",
        pl.lit("gpu").alias("source"),
        pl.col("what").alias("subtype"),
        pl.col("what").replace_strict(_SEVERITY, return_dtype=pl.UInt8).alias("severity"),
        missing().alias("unit"),
        missing().alias("container_name"),
        missing().alias("container_id"),
        message.alias("message"),
        identity.of(frame, ["host", "collected_at", "what", "index", "xid", "uuid"]),
        attributes.as_json(frame, {"index": "index", **{name: name for name in (*_CARD, "xid")}}),
    )
    return log_events(records, draft, extras)


def _or_unknown(column: str) -> pl.Expr:
    return pl.col(column).fill_null("unknown")


def _usage(processes: Sequence[Process]) -> str:
    """Who uses a card, the largest first: `vllm (2 processes, 9780 MiB)`."""
    groups: dict[str, list[Process]] = {}
    for process in processes:
        service = process["service"]
        name = str(process.get("name") or "a process").rsplit("/", 1)[-1]
        groups.setdefault(name if service is None else service.partition(":")[2], []).append(
            process
        )
    order = sorted(groups.items(), key=lambda item: -_sum(item[1]))
    said = [f"{who} ({_amount(group)})" for who, group in order]
    return f"{', '.join(said)}." if said else "no process."


def _amount(group: Sequence[Process]) -> str:
    count = f"{len(group)} process{'es' if len(group) > 1 else ''}"
    known = any(_mebibytes(process) is not None for process in group)
    return f"{count}, {_sum(group):.0f} MiB" if known else count


def _sum(group: Sequence[Process]) -> float:
    return sum(_mebibytes(process) or 0.0 for process in group)


def _mebibytes(process: Process) -> float | None:
    """What a process holds; null where the driver does not say."""
    value = process.get("memory_mib")
    return float(value) if isinstance(value, int | float) and 0 <= value < _MOST_MIB else None


def _held(frame: pl.DataFrame, lists: Mapping[int, list[Process]]) -> pl.DataFrame:
    """Device memory by service at each instant, over all cards; unknown where a process's is."""
    known = frame.filter(pl.col("row").is_in(list(lists)) & pl.col("time").is_not_null())
    held: dict[tuple[object, str, str], float | None] = {}
    for row, time, host in known.select("row", "time", "host").iter_rows():
        for process in lists[row]:
            service, more = process["service"], _mebibytes(process)
            if service is not None:
                before = held.get((time, host, service), 0.0)
                both = None if before is None or more is None else before + more
                held[time, host, service] = both
    if not held:
        return empty(SAMPLES)
    samples = pl.DataFrame(
        [
            (
                time,
                host,
                "gpu",
                service,
                "gpu_memory_used_bytes",
                None if mib is None else mib * _MIB,
            )
            for (time, host, service), mib in held.items()
        ],
        schema={name: dtype for name, dtype in SAMPLES.items() if name != "reason"},
        orient="row",
    )
    why = pl.when(pl.col("value").is_null()).then(pl.lit("[N/A]"))
    return check(samples.with_columns(why.alias("reason")), SAMPLES, "samples of GPU processes")
