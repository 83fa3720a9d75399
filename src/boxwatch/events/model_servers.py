"""What model servers call the metrics that Boxwatch knows: one dated table, by server."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, NamedTuple

from boxwatch.errors import SchemaError
from boxwatch.events.metrics import METRICS

_FORM: Final = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"(?:\{(?P<label>\w+)=(?P<values>[^}]+)\})?"
    r"(?: \* (?P<factor>[0-9.e+-]+))?"
)
_HIGHEST: Final = "_ratio"  # of parts of such a metric the highest counts, others are added up


class Reading(NamedTuple):
    """One line of a page of metrics: a name, its labels and the value."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Form:
    """One name of a metric at one server, the label values that count, and the factor."""

    name: str
    label: str
    values: frozenset[str]
    factor: float

    def counts(self, reading: Reading) -> bool:
        """True if `reading`, which has this name, is part of the metric."""
        return not self.label or reading.labels.get(self.label, "") in self.values


@dataclass(frozen=True, slots=True)
class ModelServer:
    """One kind of server: what it calls our metrics, and the document that says so."""

    name: str
    source: str
    dated: str
    forms: Mapping[str, Sequence[Form]]


def _read_form(text: str) -> Form:
    match = _FORM.fullmatch(text)
    if match is None:
        raise SchemaError(f"model_servers.toml: {text!r} must be like 'name{{label=a|b}} * 1e-6'.")
    return Form(
        match["name"],
        match["label"] or "",
        frozenset((match["values"] or "").split("|")),
        1.0 if match["factor"] is None else float(match["factor"]),
    )


def _load() -> tuple[ModelServer, ...]:
    table = tomllib.loads(files(__package__).joinpath("model_servers.toml").read_text("utf-8"))
    servers = []
    for server in table["server"]:
        strange = sorted(set(server["metrics"]) - set(METRICS))
        if strange:
            raise SchemaError(f"model_servers.toml: {server['name']}: no metric {strange[0]!r}.")
        forms = {
            ours: [_read_form(t) for t in theirs] for ours, theirs in server["metrics"].items()
        }
        servers.append(ModelServer(server["name"], server["source"], str(server["dated"]), forms))
    return tuple(servers)


SERVERS: Final[tuple[ModelServer, ...]] = _load()
NAMES: Final = frozenset(
    form.name for server in SERVERS for forms in server.forms.values() for form in forms
)
"""Every name that is of use; what else a page holds need not be parsed."""


def recognised(readings: Iterable[Reading]) -> tuple[str, dict[str, float]]:
    """The server that said these readings, and our metrics; nothing where none is known.

    A value that is not finite counts as unknown: NaN.
    """
    by_name: dict[str, list[Reading]] = {}
    for reading in readings:
        by_name.setdefault(reading.name, []).append(reading)
    first = ""
    metrics: dict[str, float] = {}
    for server in SERVERS:
        said = _of_server(server, by_name)
        if said and not first:
            first = server.name
        metrics = {**said, **metrics}
    return first, metrics


def _of_server(server: ModelServer, by_name: Mapping[str, list[Reading]]) -> dict[str, float]:
    metrics = {}
    for ours, forms in server.forms.items():
        form = next((form for form in forms if form.name in by_name), None)
        if form is not None:
            values = [found.value for found in by_name[form.name] if form.counts(found)]
            metrics[ours] = _together(ours, values) * form.factor
    return metrics


def _together(metric: str, values: Sequence[float]) -> float:
    if not all(map(math.isfinite, values)):
        return math.nan
    if metric.endswith(_HIGHEST):
        return max(values, default=math.nan)
    return math.fsum(values)  # a label that was never counted is zero
