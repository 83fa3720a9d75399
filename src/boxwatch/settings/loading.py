"""From boxwatch.toml, the environment and the command line to the one settings tree.

Later wins: defaults, then the first file found of `--config`, `./boxwatch.toml`,
`~/.config/boxwatch/boxwatch.toml` and `/etc/boxwatch/boxwatch.toml`, then the environment, then
the command line. This is the only place that reads the environment.

`MLFLOW_TRACKING_URI`, which MLflow's own tools read, stands for models.tracking_uri where
BOXWATCH_MODELS__TRACKING_URI is not set: it wins over the file, as the environment does.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field, PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from boxwatch.errors import SettingError
from boxwatch.settings import endpoints, lines, tree
from boxwatch.settings.files import read_file, secret
from boxwatch.settings.hosts import Host, Hosts
from boxwatch.settings.rows import SettingRow, allowed, leaves, rows

PREFIX: Final = "BOXWATCH_"
FILE_NAME: Final = "boxwatch.toml"
MLFLOW_VARIABLE: Final = "MLFLOW_TRACKING_URI"
KNOWN_HOSTS: Final = Path("known_hosts")
Keys = tuple[str, ...]
_SECRETS: Final = {
    ("service", "metrics_token"): "service.metrics_token_file",
    ("otlp", "token"): "otlp.token_file",
}
# Lists of tables, and what one of them holds.
_LISTS: Final[Mapping[str, type[tree.Section]]] = {
    "hosts": Host,
    "services": endpoints.ServiceEndpoint,
}
_MASKS: Final = "logs.masks"
_NEXT_STEP: Final = "`boxwatch config` lists every setting."


class Settings(tree.Section):
    """Every setting of Boxwatch."""

    data: tree.Data = tree.Data()
    data_collection: tree.DataCollection = tree.DataCollection()
    sources: tree.Sources = tree.Sources()
    hosts: Hosts = Field(default=(), description="The hosts to watch; empty = this machine alone.")
    detections: tree.Detections = tree.Detections()
    models: tree.Models = tree.Models()
    service: tree.Service = tree.Service()
    services: endpoints.Services = Field(
        default=(), description="Model servers whose metrics are read."
    )
    otlp: endpoints.Otlp = endpoints.Otlp()
    logs: lines.Logs = lines.Logs()
    live: tree.Live = tree.Live()
    logging: tree.Logging = tree.Logging()
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _environ: dict[str, str] = PrivateAttr(default_factory=dict)  # what token_env names
    _file: Path | None = PrivateAttr(default=None)

    def where(self, path: str) -> str:
        """Where the value of the setting `path` came from: `default`, a file, a variable, ...

        Raises:
            SettingError: there is no such setting.

        """
        for row in self.rows():
            if row.path == path:
                return row.origin
        raise SettingError(f"There is no setting {path!r}.{_suggest(path)}", hint=_NEXT_STEP)

    @property
    def file(self) -> Path | None:
        """The settings file that was read; null = none was found."""
        return self._file

    def beside_file(self, path: Path) -> Path:
        """`path` as it is meant in the settings file: `~` is home, else relative to the file."""
        folder = Path() if self._file is None else self._file.parent
        return folder / path.expanduser()

    def known_hosts(self, host: Host | None = None) -> Path:
        """The file of the host keys that are trusted: that of `host`, or Boxwatch's own."""
        named = None if host is None else host.known_hosts
        return self.beside_file(KNOWN_HOSTS if named is None else named)

    def rows(self) -> list[SettingRow]:
        """Every setting with its value, default, unit, help and origin."""
        return rows(self, self._origins)

    def metrics_token(self) -> str | None:
        """The bearer token of the metrics endpoint, from its variable or its file; null = none.

        Raises:
            SettingError: the file cannot be read or is empty.

        """
        return secret(
            self.service.metrics_token, self.service.metrics_token_file, "service.metrics_"
        )

    def otlp_token(self) -> str | None:
        """The bearer token that senders of OpenTelemetry must give; null = none.

        Raises:
            SettingError: the file cannot be read or is empty.

        """
        return secret(self.otlp.token, self.otlp.token_file, "otlp.")

    def service_token(self, service: endpoints.ServiceEndpoint) -> str | None:
        """The bearer token to send to `service`, from its file or variable; null = none.

        Raises:
            SettingError: the file cannot be read or is empty, or the variable is not set.

        """
        if service.token_env is not None:
            token = self._environ.get(service.token_env, "").strip()
            if not token:
                raise SettingError(
                    f"services: {service.name}: the variable {service.token_env!r} is not set.",
                    hint="Set it where Boxwatch starts, or use token_file.",
                )
            return token
        return secret(None, service.token_file, f"services: {service.name}: ")


def load(
    config: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that hold here.

    Args:
        config: a file that must exist; null = look in the usual places.
        overrides: path -> value, from the command line; wins over everything.
        environ: the environment; null = this process's own.

    Raises:
        SettingError: an unknown key, a wrong unit, a value not allowed, or a file that cannot be
            read; says where it came from.

    """
    environ = os.environ if environ is None else environ
    values: dict[Keys, object] = {}
    origins: dict[str, str] = {}
    file = config if config is not None else _find(environ)
    if file is not None:
        values.update(_flat(_parse(file)))
        origins.update((".".join(path), str(file)) for path in values)
        for secret in _SECRETS.keys() & values.keys():
            raise SettingError(
                f"{'.'.join(secret)} is a secret and must not stand in {str(file)!r}.",
                hint=f"Set {PREFIX}{'__'.join(secret).upper()} or {_SECRETS[secret]}.",
            )
    if environ.get(MLFLOW_VARIABLE):
        values["models", "tracking_uri"] = environ[MLFLOW_VARIABLE]
        origins["models.tracking_uri"] = MLFLOW_VARIABLE
    for name, text in environ.items():
        if name.startswith(PREFIX):
            path = _path_of(name)
            values[path] = text
            origins[".".join(path)] = name
    for dotted, value in (overrides or {}).items():
        values[tuple(dotted.split("."))] = value
        origins[dotted] = "command line"
    try:
        settings = Settings.model_validate(_nested(values))
    except ValidationError as invalid:
        raise SettingError(_explain(invalid, origins), hint=_NEXT_STEP) from None
    settings._origins = origins
    settings._file = file
    wanted = {service.token_env for service in settings.services}
    settings._environ = {name: text for name, text in environ.items() if name in wanted}
    return settings


def _find(environ: Mapping[str, str]) -> Path | None:
    places = [Path(FILE_NAME)]
    if "HOME" in environ:
        places.append(Path(environ["HOME"], ".config", "boxwatch", FILE_NAME))
    places.append(Path("/etc/boxwatch", FILE_NAME))
    return next((place for place in places if place.is_file()), None)


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_file(file, "settings file").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SettingError(
            f"settings file {str(file)!r} is not TOML: {failure}.", hint="See https://toml.io."
        ) from None


def _path_of(variable: str) -> Keys:
    path = variable[len(PREFIX) :].lower().split("__")
    if path[:2] == ["detections", "rules"]:  # rule ids have hyphens, which shells do not allow
        path[2:3] = [part.replace("_", "-") for part in path[2:3]]
    return tuple(path)


def _flat(table: Mapping[str, object], above: Keys = ()) -> dict[Keys, object]:
    flat: dict[Keys, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, (*above, key)))
        else:
            flat[*above, key] = value
    return flat


def _nested(values: Mapping[Keys, object]) -> dict[str, object]:
    nested: dict[str, object] = {}
    for path, value in values.items():
        section = nested
        for name in path[:-1]:
            inner = section.setdefault(name, {})
            if not isinstance(inner, dict):
                raise SettingError(f"{name!r} in {'.'.join(path)} is a section, not a value.")
            section = inner
        section[path[-1]] = value
    return nested


def _explain(invalid: ValidationError, origins: Mapping[str, str]) -> str:
    return " ".join(_explain_one(detail, origins) for detail in invalid.errors())


def _explain_one(detail: ErrorDetails, origins: Mapping[str, str]) -> str:
    path = tuple(str(part) for part in detail["loc"])
    dotted = ".".join(path)
    origin = next(
        (
            origin
            for known, origin in origins.items()
            if f"{known}.".startswith(f"{dotted}.") or dotted.startswith(f"{known}.")
        ),
        "the settings",
    )
    if detail["type"] == "extra_forbidden":
        return f"Unknown setting {dotted!r} in {origin}.{_suggest(dotted)}"
    if detail["type"] == "missing":
        return f"{dotted} is missing in {origin}: it must be {_words(path)}."
    if (path[0] in _LISTS or dotted == _MASKS) and detail["type"] == "value_error":
        value = "" if len(path) == 1 else f" = {_masked(detail['input'])}"
        why = detail["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{dotted}{value} (from {origin}) is not allowed: {why}. It is {_words(path)}."
    return f"{dotted} = {detail['input']!r} (from {origin}) is not allowed: must be {_words(path)}."


def _masked(value: object) -> str:
    """`value` without the password of an address."""
    return re.sub(r"(://[^:/@\s]*):[^/\s]*@", r"\1:***@", repr(value))


def _words(path: Keys) -> str:
    for known, field in leaves(Settings):
        if path[: len(known)] == known and len(path) <= len(known) + 1:
            return allowed(field).words
    if path[0] in _LISTS and len(path) > 2:
        for known, field in leaves(_LISTS[path[0]]):
            if path[2 : 2 + len(known)] == known:
                return allowed(field).words
    for known, field in leaves(tree.RuleOverride):
        if path[3:] == known:
            return allowed(field).words
    return "a section with settings of its own"


def _suggest(dotted: str) -> str:
    first, _, rest = dotted.partition(".")
    if first in _LISTS and rest:
        index, _, name = rest.partition(".")
        close = difflib.get_close_matches(name, list(_LISTS[first].model_fields), n=1)
        return f" Did you mean '{first}.{index}.{close[0]}'?" if close else ""
    depths = [(path, depth + 1) for path, _ in leaves(Settings) for depth in range(len(path))]
    known = list(dict.fromkeys(".".join(path[:depth]) for path, depth in depths))
    close = difflib.get_close_matches(dotted, known, n=1, cutoff=0.6)
    if not close:
        last = {path.rsplit(".", 1)[-1]: path for path in known}
        named = difflib.get_close_matches(dotted.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.7)
        close = [last[name] for name in named]
    return f" Did you mean {close[0]!r}?" if close else ""
