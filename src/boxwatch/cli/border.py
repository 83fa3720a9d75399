"""The outermost border: from arguments to an exit status, with every failure one clear line.

Exit statuses: 0 fine, also where a reader had enough (`| head -1`); 1 findings when asked to fail,
or a bench target missed; 2 the request cannot be; 3 the machine cannot do it; 70 a mistake in
Boxwatch itself; 130 stopped by Ctrl-C, which is how `up` and `record` end well, with 0.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, NoSuchOption
from typer._click.exceptions import UsageError as ClickUsageError
from typer.core import TyperArgument

from boxwatch.allocation import keep_freed_memory
from boxwatch.cli.options import GLOBAL_OPTIONS, HELP_OPTIONS, Version, show_no_type_of_flags
from boxwatch.cli.table import CommandTable, imported
from boxwatch.errors import BoxwatchError, Defect, EnvironmentFault, UsageError

app = typer.Typer(
    cls=CommandTable,
    no_args_is_help=True,
    help="Learns what normal looks like on this AI server; says what broke, when, why, what to do.",
    context_settings={"help_option_names": HELP_OPTIONS},
)


@app.callback()
def _root(version: Version = False) -> None:
    """Options of the program itself; the others are those of every command."""


def main() -> None:
    """Run the command line of this process and exit."""
    keep_freed_memory()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit status."""
    as_json = "--json" in arguments
    if "--no-color" in arguments:
        os.environ["NO_COLOR"] = "1"  # the help pages know no other way
    command = typer.main.get_command(app)
    command.params.extend(GLOBAL_OPTIONS)
    show_no_type_of_flags(command)
    status = None
    try:
        status = command.main(list(arguments), prog_name="boxwatch", standalone_mode=False)
        sys.stdout.flush()
    except ClickException as error:
        return _say_usage(_in_our_words(error, arguments), as_json=as_json)
    except BrokenPipeError:  # whoever read us has had enough
        _write_no_more()
    except SystemExit as leaving:  # rich and typer leave with 1 then
        if not isinstance(leaving.__context__, BrokenPipeError):
            raise
        _write_no_more()
    except Exception as error:  # noqa: BLE001 - the outermost border
        return _say(_as_ours(error), as_json=as_json)
    return status if isinstance(status, int) else 0


def _write_no_more() -> None:
    """Let what is still to be written go nowhere: the interpreter flushes once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_ours(error: Exception) -> BoxwatchError:
    if isinstance(error, BoxwatchError):
        return error
    if isinstance(error, OSError):
        where = "" if error.filename is None else f": {str(error.filename)!r}"
        return EnvironmentFault(
            f"The system refused: {error.strerror or error}{where}.",
            hint="Look whether it exists and whether you may read and write it." if where else "",
        )
    traceback.print_exception(error)
    return Defect(
        f"A mistake in Boxwatch: {type(error).__name__}: {error}.",
        hint="Please report it with the lines above.",
    )


def _in_our_words(error: ClickException, arguments: Sequence[str]) -> ClickException:
    """`error` without the words of libraries, and with what helps a line that begins with -."""
    error.message = error.message.removeprefix("Value error, ")
    if isinstance(error, NoSuchOption) and error.ctx is not None:
        lines = [one for one in arguments if one.startswith("-") and " " in one]
        if lines and any(isinstance(one, TyperArgument) for one in error.ctx.command.params):
            path = error.ctx.command_path
            error.message += f". Put -- before what begins with -: {path} -- {lines[0]!r}"
    return error


def _say(error: BoxwatchError, *, as_json: bool) -> int:
    if as_json:
        record = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"error": record}), file=sys.stderr)  # noqa: T201
    else:
        print(f"{error.code}: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
    return error.exit_status


def _say_usage(error: ClickException, *, as_json: bool) -> int:
    if isinstance(error, NoArgsIsHelpError):
        error.show()
    elif as_json:
        context = error.ctx if isinstance(error, ClickUsageError) else None
        path = "boxwatch" if context is None else context.command_path
        _say(UsageError(error.format_message(), hint=f"See `{path} --help`."), as_json=True)
    else:
        imported("typer.rich_utils").rich_format_error(error)  # markdown and all: seldom needed
    return UsageError.exit_status
