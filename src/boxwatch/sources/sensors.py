"""Temperatures, fans and power: what sensors a machine has, and what their files say.

The files hold thousandths of a degree, turns per minute and millionths of a watt or joule
(Documentation/hwmon/sysfs-interface, Documentation/power/powercap).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from boxwatch.sources.proc_files import Values, number

_HWMON: Final = "sys/class/hwmon/hwmon*"
_ZONE: Final = "sys/class/thermal/thermal_zone*"
_RAPL: Final = "sys/class/powercap/intel-rapl:*"  # of AMD processors too

# What is asked for to know the sensors of a machine.
SURVEY: Final = (
    f"{_HWMON}/name",
    f"{_HWMON}/*_label",
    f">{_HWMON}/device",
    f"?{_HWMON}/temp*_input",
    f"?{_HWMON}/fan*_input",
    f"?{_HWMON}/power*_input",
    f"?{_HWMON}/power*_average",
    f"{_ZONE}/type",
    f"{_RAPL}/name",
)

_KINDS: Final = {
    "temp": ("sensor_celsius", 1000.0),
    "fan": ("sensor_rpm", 1.0),
    "power": ("sensor_watts", 1e6),
}
_INPUT: Final = re.compile(r"(sys/class/hwmon/hwmon\d+)/((temp|fan|power)\d+)_(?:input|average)")


@dataclass(frozen=True, slots=True)
class Sensor:
    """Which metric of which entity a file holds, `unit` times as large."""

    entity: str
    metric: str
    unit: float

    def read(self, text: str) -> Values:
        """The metric's value, or why there is none."""
        try:
            return {self.metric: number(text) / self.unit}
        except ValueError:
            return {self.metric: "not a number"}


def survey(found: Mapping[str, str]) -> dict[str, Sensor]:
    """The sensors by path, from the answers to SURVEY.

    Named by chip and label, which survive a reboot as the chips' numbers do not; chips of one name
    are told apart by their device. Thermal zones stand in where no chip has a temperature.
    """
    chips = _named(found, "sys/class/hwmon/", "/name")
    ends = dict(line.split(" ", 1) for line in _lines(found, f">{_HWMON}/device") if " " in line)
    unique = _unique(chips, {chip: ends.get(f"{chip}/device", "") for chip in chips})
    sensors = {}
    for path in (line for item in SURVEY if item[0] == "?" for line in _lines(found, item)):
        parts = _INPUT.fullmatch(path)
        if parts is None or (path.endswith("_average") and f"{path[:-7]}input" in sensors):
            continue
        chip, name, kind = parts.groups()
        label = found.get(f"{chip}/{name}_label", "").strip() or name
        metric, unit = _KINDS[kind]
        chip_name = unique.get(chip, chip.rpartition("/")[2])
        sensors[path] = Sensor(f"sensor:{chip_name}/{label}", metric, unit)
    if not any(sensor.metric == "sensor_celsius" for sensor in sensors.values()):
        sensors.update(_stand_ins(_named(found, "sys/class/thermal/", "/type")))
    zones = _named(found, "sys/class/powercap/", "/name")
    for zone, name in _unique(zones, {}).items():
        sensors[f"{zone}/energy_uj"] = Sensor(f"sensor:rapl/{name}", "sensor_joules_total", 1e6)
    return sensors


def _stand_ins(zones: Mapping[str, str]) -> dict[str, Sensor]:
    return {
        f"{zone}/temp": Sensor(f"sensor:{name}", "sensor_celsius", 1000.0)
        for zone, name in _unique(zones, {}).items()
    }


def _named(found: Mapping[str, str], start: str, end: str) -> dict[str, str]:
    """Folder -> what its file `end` says, for the folders below `start`."""
    return {
        path[: -len(end)]: found[path].strip()
        for path in sorted(found)
        if path.startswith(start) and path.endswith(end)
    }


def _unique(names: Mapping[str, str], ends: Mapping[str, str]) -> dict[str, str]:
    """A name for each folder; where two would be alike, with the device or the folder's name."""
    said = {folder: name or folder.rpartition("/")[2] for folder, name in names.items()}
    alike = list(said.values())
    return {
        folder: name
        if alike.count(name) == 1
        else f"{name}-{ends.get(folder) or folder.rpartition('/')[2]}"
        for folder, name in said.items()
    }


def _lines(found: Mapping[str, str], item: str) -> Iterable[str]:
    return found.get(item, "").splitlines()
