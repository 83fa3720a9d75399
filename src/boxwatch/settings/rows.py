"""Settings as rows: one per leaf of the tree, with everything known about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from boxwatch.settings.tree import Allowed


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting: `value` and `default` are JSON-able, secrets masked.

    `env` is its variable, empty where only the settings file can hold it.
    """

    path: str
    value: object
    default: object
    unit: str
    help: str
    allowed: str
    origin: str
    env: str


def rows(tree: BaseModel, origins: Mapping[str, str]) -> list[SettingRow]:
    """Every leaf of `tree`, in its order; `origins` maps the paths that are not at default."""
    return [
        SettingRow(
            path=".".join(path),
            value=_plain(_value(tree, path)),
            default=_plain(field.get_default(call_default_factory=True)),
            unit=allowed(field).unit,
            help=field.description or "",
            allowed=allowed(field).words,
            origin=_origin(".".join(path), origins),
            env="" if _tables(field) else "BOXWATCH_" + "__".join(path).upper(),
        )
        for path, field in leaves(type(tree))
    ]


def leaves(
    section: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Paths and fields of all leaves below `section`, in the order they are declared."""
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, (*above, name))
        else:
            yield (*above, name), field


def _tables(field: FieldInfo) -> bool:
    """True for a list of tables, which only the settings file can hold."""
    return any(isinstance(p, type) and issubclass(p, BaseModel) for p in get_args(field.annotation))


def allowed(field: FieldInfo) -> Allowed:
    """What may stand in `field`."""
    candidates = [*field.metadata, *(m for part in get_args(field.annotation) for m in _meta(part))]
    found = [one for one in candidates if isinstance(one, Allowed)]
    return found[0] if found else Allowed("", "")


def _meta(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__metadata__", ())


def _value(tree: BaseModel, path: tuple[str, ...]) -> object:
    value: object = tree
    for name in path:
        value = getattr(value, name)
    return value


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, int | float | bool | None) else str(value)


def _origin(path: str, origins: Mapping[str, str]) -> str:
    for known, origin in origins.items():
        if known == path or known.startswith(f"{path}."):
            return origin
    return "default"
