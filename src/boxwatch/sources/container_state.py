"""What the engine knows of a container at one instant, as one record among its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from boxwatch.sources.docker_engine import Record

_NEVER: Final = "0001-01-01T00:00:00Z"
_GPUS: Final = "NVIDIA_VISIBLE_DEVICES="
_OUTPUT: Final = 300  # characters of what the last health check printed


def name_of(record: Record) -> str:
    """The container's name."""
    return str(record.get("Name", "")).removeprefix("/")


def log_driver(record: Record) -> str:
    """Where the engine sends the container's output; empty where it does not say."""
    return str(_table(_table(record, "HostConfig"), "LogConfig").get("Type", ""))


def is_running(record: Record) -> bool:
    """Whether its main process runs, or will be started again by the engine itself."""
    state = _table(record, "State")
    return bool(state.get("Running")) or bool(state.get("Restarting"))


def finished(record: Record) -> str:
    """When it last stopped (RFC 3339); empty where it never did."""
    at = str(_table(record, "State").get("FinishedAt", ""))
    return "" if at == _NEVER else at


def describe(record: Record) -> dict[str, str]:
    """The attributes of a container's state, in the words that events use; all are texts.

    Unknown ones are left out. `gpus` is what it was given: indices, ids, `all`, or a count.
    """
    state, host = _table(record, "State"), _table(record, "HostConfig")
    health, policy = _table(state, "Health"), _table(host, "RestartPolicy")
    alive = is_running(record)
    told: dict[str, object] = {
        "name": name_of(record),
        "image": _table(record, "Config").get("Image"),
        "status": state.get("Status"),
        "health": health.get("Status"),
        "failingStreak": health.get("FailingStreak"),
        "healthOutput": _last_output(health),
        "exitCode": None if alive else state.get("ExitCode"),
        "oomKilled": str(bool(state.get("OOMKilled"))).lower(),
        "error": state.get("Error"),
        "restartCount": record.get("RestartCount"),
        "restartPolicy": policy.get("Name"),
        "pid": state.get("Pid") if alive else None,
        "startedAt": state.get("StartedAt"),
        "finishedAt": finished(record),
        "memoryLimit": host.get("Memory") or None,  # 0 is no limit
        "gpus": _gpus(record),
        "logDriver": log_driver(record),
    }
    told = {key: value for key, value in told.items() if value not in (None, "")}
    return {key: str(value) for key, value in told.items()}


def condition(record: Record) -> str:
    """One word for how it is: its health where it runs and is checked, else its status."""
    state = _table(record, "State")
    health = str(_table(state, "Health").get("Status", ""))
    status = str(state.get("Status", "unknown"))
    return health if status == "running" and health not in ("", "none") else status


def _gpus(record: Record) -> str:
    """Which GPUs it may use: `--gpus` asks by request, older ways by the environment."""
    asked = _list(_table(record, "HostConfig").get("DeviceRequests"))
    for request in (each for each in asked if isinstance(each, Mapping)):
        kinds = [kind for some in _list(request.get("Capabilities")) for kind in _list(some)]
        if "gpu" in kinds or request.get("Driver") == "nvidia":
            count = request.get("Count")
            given = [str(each) for each in _list(request.get("DeviceIDs"))]
            return ",".join(given) or ("all" if count == -1 else f"{count} of them")
    for line in _list(_table(record, "Config").get("Env")):
        if isinstance(line, str) and line.startswith(_GPUS):
            return line.removeprefix(_GPUS)
    return ""


def _last_output(health: Mapping[str, Any]) -> str:
    checks = _list(health.get("Log"))
    last = checks[-1] if checks and isinstance(checks[-1], Mapping) else {}
    return str(last.get("Output", "")).strip()[:_OUTPUT] if health.get("FailingStreak") else ""


def _table(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = record.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
