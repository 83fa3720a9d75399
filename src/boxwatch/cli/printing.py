"""Results on the terminal: as JSON for programs, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Final

import orjson
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from boxwatch import units
from boxwatch.cli.session import Session

_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def show(session: Session, result: object) -> None:
    """Print a result: a dataclass, or a list of dataclasses or mappings."""
    if session.as_json:
        show_json(session.console, result)
    elif isinstance(result, Sequence) and not isinstance(result, str):
        session.console.print(rows_table(result))
    else:
        _show_record(session.console, record(result))


def show_json(console: Console, result: object) -> None:
    """Print `result` as JSON; a dataclass becomes an object, an instant RFC 3339 in UTC."""
    console.out(json_text(result), highlight=False)


def json_text(result: object) -> str:
    """`result` as indented JSON."""
    return orjson.dumps(result, default=str, option=_OPTIONS).decode()


def record(result: object) -> dict[str, object]:
    """The fields of a dataclass or the items of a mapping, in order."""
    if is_dataclass(result):
        return {field.name: getattr(result, field.name) for field in fields(result)}
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items()}
    return {"result": result}


def rows_table(rows: Sequence[object], columns: Sequence[str] | None = None) -> RenderableType:
    """A table of dataclasses or mappings, one row each; `columns` picks and orders."""
    if not rows:
        return Text("none", "dim")
    records = [record(row) for row in rows]
    names = list(columns) if columns is not None else list(records[0])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in names:
        number = all(isinstance(one.get(name), int | float) for one in records)
        table.add_column(label(name), justify="right" if number else "left", overflow="fold")
    for one in records:
        table.add_row(*(cell(name, one.get(name)) for name in names))
    return _Trimmed(table)


class _Trimmed:
    """A table whose lines end with their words: one long cell does not widen the others' lines."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self._table, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
            yield from line
            yield Segment.line()


def label(name: str) -> str:
    """A field's name for people: words apart, the unit left to the value."""
    for suffix in ("_s", "_seconds", "_bytes", "_ratio"):
        if name.endswith(suffix) and name != suffix:
            name = name.removesuffix(suffix)
            break
    return name.replace("_", " ").strip()


def cell(name: str, value: object) -> Text:
    """`value` for people, by its type and by the unit in the field's `name`."""
    if isinstance(value, Text):
        return value
    return Text("unknown", "dim") if value is None else Text(_words(name, value))


def _words(name: str, value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(name, value)
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
        case Mapping():
            return ", ".join(f"{key} {_words(str(key), one)}" for key, one in value.items())
        case list() | tuple():
            return ", ".join(cell("", one).plain for one in value)
    return str(value)


def _number(name: str, value: float) -> str:
    if name.endswith(("_s", "_seconds")):
        return units.print_duration(value)
    if name.endswith("_bytes"):
        return units.print_size(value)
    if name.endswith("_ratio"):
        return units.print_ratio(value)
    return units.print_count(value)


def _show_record(console: Console, result: Mapping[str, object]) -> None:
    grid = Table.grid(padding=(0, 2))
    tables = {}
    for name, value in result.items():
        if isinstance(value, list | tuple) and value and _is_row(value[0]):
            tables[name] = value
        else:
            grid.add_row(Text(label(name), "bold"), cell(name, value))
    console.print(_Trimmed(grid))
    for name, rows in tables.items():
        console.print(Text(label(name), "bold"))
        console.print(rows_table(rows))


def _is_row(value: object) -> bool:
    return is_dataclass(value) or isinstance(value, Mapping)
