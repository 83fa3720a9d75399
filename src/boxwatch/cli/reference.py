"""The reference pages, written from the code: `python -m boxwatch.cli.reference FOLDER MAKEFILE`.

With `--check` nothing is written; the exit status is 1 if a page is not what it would be.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import typer
from typer._click.core import Command, Context, Parameter
from typer.core import TyperArgument, TyperGroup, TyperOption

from boxwatch import errors
from boxwatch.cli.border import app
from boxwatch.cli.options import GLOBAL_OPTIONS
from boxwatch.cli.printing import cell
from boxwatch.cli.table import COMMANDS, load
from boxwatch.events.metrics import METRICS
from boxwatch.pulse import MEASURES
from boxwatch.settings import SettingRow
from boxwatch.settings import load as load_settings

_TARGET: Final = re.compile(r"^([a-z]+):.*## (.*)$", re.MULTILINE)
_GENERATED: Final = "<!-- Written by `make docs`; change the code, not this page. -->"


def pages(makefile: Path) -> dict[str, str]:
    """Every reference page: file name -> text."""
    return {
        "commands.md": _page("Commands", _commands()),
        "settings.md": _page("Settings", _settings()),
        "errors.md": _page("Error codes", _errors()),
        "metrics.md": _page("Metrics", _metrics()),
        "make.md": _page("Make targets", _targets(makefile)),
    }


def main(arguments: Sequence[str]) -> int:
    """Write or check the pages; returns the exit status."""
    folder, makefile = (Path(one) for one in arguments if one != "--check")
    stale = [
        (folder / name, text)
        for name, text in pages(makefile).items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if "--check" in arguments:
            print(f"{path} is out of date; run `make docs`.", file=sys.stderr)  # noqa: T201
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


def _page(title: str, body: Iterator[str]) -> str:
    return "\n".join([f"# {title}", "", _GENERATED, "", *body]).rstrip() + "\n"


def _commands() -> Iterator[str]:
    yield "Every command takes the options at the end of this page, before or after its name."
    yield ""
    for name in COMMANDS:
        yield from _command(load(name), f"boxwatch {name}")
    yield "## Options of every command"
    yield ""
    yield from _parameters(GLOBAL_OPTIONS, Context(typer.main.get_command(app)))
    yield "## Exit statuses"
    yield ""
    yield from _table(
        ("status", "meaning"),
        [
            ("0", "fine; also where a reader had enough, such as `head -1`"),
            ("1", "findings, with --fail-on; or a bench target was missed"),
            ("2", "the request cannot be: wrong usage or a wrong setting"),
            ("3", "the machine cannot do it"),
            ("70", "a mistake in Boxwatch itself"),
            (
                "130",
                "stopped by Ctrl-C, where that is not how it ends: `up` and `record` end with 0",
            ),
        ],
    )


def _command(command: Command, path: str) -> Iterator[str]:
    context = Context(command, info_name=path)
    yield f"## {path}"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    yield "```sh"
    yield " ".join([path, *command.collect_usage_pieces(context)])
    yield "```"
    yield ""
    own = [param for param in command.params if param not in GLOBAL_OPTIONS]
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _command(inner, f"{path} {name}")
    elif own:
        yield from _parameters(own, context)


def _parameters(params: Sequence[Parameter], context: Context) -> Iterator[str]:
    rows = []
    for param in params:
        if isinstance(param, TyperOption):
            value = f" {param.metavar}" if param.metavar else ""
            names = ", ".join(f"`{name}{value}`" for name in param.opts)
            rows.append((names, _default(param, context), param.help or ""))
        elif isinstance(param, TyperArgument):
            rows.append((f"`{param.display_name_raw.upper()}`", "", param.help or ""))
    yield from _table(("option", "default", "meaning"), rows)


def _default(param: TyperOption, context: Context) -> str:
    value = param.get_default(context)
    return "" if value is None or value is False else cell(param.name, value).plain


def _settings() -> Iterator[str]:
    yield "A setting comes from its default, `boxwatch.toml`, a variable of the environment or an"
    yield "option; the later of these wins. A key that is not on this page is an error."
    yield ""
    for row in load_settings(environ={}).rows():
        yield from _setting(row)


def _setting(row: SettingRow) -> Iterator[str]:
    default = "none" if row.default is None else cell("", row.default).plain or "empty"
    yield f"## {row.path}"
    yield ""
    yield row.help
    yield ""
    yield f"- Default: {f'{default} {row.unit}'.strip()}"
    yield f"- Allowed: {row.allowed}"
    yield f"- Variable: {f'`{row.env}`' if row.env else 'none; only in the settings file'}"
    yield ""


def _errors() -> Iterator[str]:
    classes = [
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.BoxwatchError)
    ]
    for one in sorted(classes, key=lambda one: one.code):
        yield f"## {one.code}"
        yield ""
        yield f"`{one.__name__}`, exit status {one.exit_status}. {inspect.getdoc(one)}"
        yield ""


def _metrics() -> Iterator[str]:
    yield "What `boxwatch up --metrics-port PORT` serves at `/metrics`. A value that is unknown or"
    yield "was not refreshed for a minute is not in the answer."
    yield ""
    for measure in MEASURES.values():
        yield f"## {measure.name}"
        yield ""
        kind = "Counter" if measure.counter else "Gauge"
        labels = f", labels {', '.join(f'`{one}`' for one in measure.labels)}"
        yield f"{kind}{labels if measure.labels else ''}: {measure.help}."
        yield ""
    yield "## Metrics in the store"
    yield ""
    yield "What the `samples` table holds, by entity. Names carry their unit."
    yield ""
    rows = [(f"`{one.name}`", one.entity, one.help) for one in METRICS.values()]
    yield from _table(("metric", "entity", "meaning"), rows)


def _targets(makefile: Path) -> Iterator[str]:
    for name, text in _TARGET.findall(makefile.read_text(encoding="utf-8")):
        yield f"## make {name}"
        yield ""
        yield f"{text}."
        yield ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(_escaped(one) for one in row)} |"
    yield ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
