"""Writing a report to the file that a person named."""

from __future__ import annotations

from pathlib import Path

from boxwatch.errors import EnvironmentFault


def write_text(out: Path, text: str) -> None:
    """Write `text` to `out`.

    Raises:
        EnvironmentFault: it cannot be written; says why.
    """
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as refused:
        raise EnvironmentFault(
            f"The report cannot be written to {str(out)!r}: {refused.strerror}.",
            hint="Give a file in a folder that exists and that you may write to, or no --out.",
        ) from None
