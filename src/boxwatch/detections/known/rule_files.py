"""The data files of the known failures: which there are, and all of their rules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from boxwatch.detections.known.rule import Repeat, Rule, read_repeat, read_rule, read_severity
from boxwatch.errors import SettingError

XID: Final = "xid"
FILES: Final = (
    "gpu.toml",
    "hardware.toml",
    "memory.toml",
    "kernel.toml",
    "storage.toml",
    "systemd.toml",
    "access.toml",
    "network.toml",
    "containers.toml",
    "images.toml",
    "cuda.toml",
    "cuda_setup.toml",
    "nccl.toml",
    "training.toml",
    "model_servers.toml",
    "local_models.toml",
    "model_files.toml",
    "programs.toml",
    "restarts.toml",
    "metrics.toml",
    "hosts.toml",
)
_UNUSED: Final = "CONTACT_SUPPORT"


def load_rules() -> Mapping[str, Rule]:
    """Every rule that ships with Boxwatch, by id, from the data files beside this module.

    Raises:
        SettingError: a data file is wrong; names the file, the rule and the field.

    """
    rules: dict[str, Rule] = {}
    for name in FILES:
        for table in _table(name)["rule"]:
            rule = read_rule(table, name)
            if rule.id in rules:
                raise SettingError(f"{name}: rule {rule.id!r} stands there twice.")
            rules[rule.id] = rule
    return MappingProxyType(rules | _xid_rules(rules[XID]))


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


def _xid_rules(generic: Rule) -> dict[str, Rule]:
    """One rule per code of the Xid catalogue, all with the pattern of `generic`."""
    table = _table("xid.toml")
    rules = {}
    rows = [*table["codes"]]
    rows += [[code, what, _UNUSED, "", "driver"] for code, what in table["older"]]
    for code, what, action, after, blame in rows:
        severity = read_severity(
            table["severity"].get(str(code), table["action"][action]["severity"])
        )
        rules[f"{XID}-{code}"] = replace(
            generic,
            id=f"{XID}-{code}",
            title=f"{{thing}} {what}",
            severity=severity,
            causes=(table["blame"][blame],),
            action=table["action"][action]["text"],
            investigate=table["investigate"][after] if after else "",
            fault=blame,
            source=table["source"],
            dated=table["dated"],
            repeat=_xid_repeat(table["repeat"], action, blame, severity.rank),
            examples=(f"NVRM: Xid (PCI:0000:41:00): {code}, pid=1234, name=python, detail",),
        )
    return rules


def _xid_repeat(repeats: Mapping[str, object], action: str, blame: str, rank: int) -> Repeat | None:
    table = repeats.get(blame, repeats.get(action))
    repeat = None if table is None else read_repeat(table)
    return None if repeat is None or repeat.severity.rank <= rank else repeat
