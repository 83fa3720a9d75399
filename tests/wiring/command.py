"""The command line as a person uses it: in this process, or as one of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from boxwatch.cli.border import run


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        """Standard output as JSON."""
        return json.loads(self.out)


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start `boxwatch` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "boxwatch", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(child: subprocess.Popen[str], limit_s: float = 120) -> Answer:
    """Wait for its end."""
    out, err = child.communicate(timeout=limit_s)
    return Answer(child.returncode, out, err)


def boxwatch(*arguments: object) -> Answer:
    """Run `boxwatch` with these arguments, here: that saves the start of a process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(list(map(str, arguments)))
    return Answer(status, out.getvalue(), err.getvalue())


def well(*arguments: object) -> Answer:
    """Run it and expect that all is well."""
    answer = boxwatch(*arguments)
    assert answer.status == 0, answer.err
    return answer


def incidents(data: Path) -> list[dict[str, object]]:
    """All incidents of a data folder, as programs get them."""
    found = well("incidents", "list", "--json", "--data", data).json
    assert isinstance(found, list)
    return found
