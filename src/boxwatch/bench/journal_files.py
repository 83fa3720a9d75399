"""A journal of a server that never was, as files that journalctl reads."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from boxwatch.bench.journal_lines import journal_lines
from boxwatch.errors import EnvironmentFault
from boxwatch.pulse import Progress

_WRITERS: Final = (
    Path("/lib/systemd/systemd-journal-remote"),
    Path("/usr/lib/systemd/systemd-journal-remote"),
)
_LEFT_OUT: Final = "__CURSOR"  # the file makes its own
_STEP: Final = "writing a journal"


def write_journal_file(file: Path, count: int, seed: int, progress: Progress) -> None:
    """Write `count` entries with all the fields that journald gives into the journal `file`.

    Raises:
        EnvironmentFault: systemd-journal-remote is not on this machine, or fails.

    """
    writer = next((path for path in _WRITERS if path.exists()), None)
    if writer is None:
        raise EnvironmentFault(
            "systemd-journal-remote is not on this machine.",
            hint="On Debian: apt-get install systemd-journal-remote",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    argv = [str(writer), f"--output={file}", "-"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    done = 0
    with process:
        if process.stdin is not None:
            for block in export_blocks(count, seed):
                process.stdin.write(block)
                done += block.count(b"\n\n")
                progress(_STEP, min(done, count), count)
            process.stdin.close()
        said = b"" if process.stderr is None else process.stderr.read()
    if process.returncode != 0:
        raise EnvironmentFault(
            f"{argv[0]!r} ended with {process.returncode}: {said[-300:].decode(errors='replace')}"
        )


def export_blocks(count: int, seed: int) -> Iterator[bytes]:
    """The entries in the export format (https://systemd.io/JOURNAL_EXPORT_FORMATS/)."""
    for block in journal_lines(count, seed, whole=True):
        yield b"".join(_entry(orjson.loads(line)) for line in block.splitlines())


def _entry(fields: Mapping[str, object]) -> bytes:
    pairs = [_pair(name, value) for name, value in fields.items() if name != _LEFT_OUT]
    return b"".join((*pairs, b"\n"))


def _pair(name: str, value: object) -> bytes:
    if isinstance(value, list):  # bytes that are no text
        return b"%b\n%b%b\n" % (name.encode(), len(value).to_bytes(8, "little"), bytes(value))
    return f"{name}={value}\n".encode()
