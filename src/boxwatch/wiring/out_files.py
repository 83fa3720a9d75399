"""The file that a command writes: it says what it is, and is none of those that are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from boxwatch.errors import UsageError


def check_out(out: Path, read: Sequence[Path]) -> None:
    """Refuse to write Parquet to `out` where that would lose or mislead.

    Raises:
        UsageError: `out` is one of the files that are `read`, also through a link; its ending says
            that it is something else than Parquet; or its folder is not there.
    """
    for path in read:
        if out.exists() and path.exists() and out.samefile(path):
            raise UsageError(
                f"--out {str(out)!r} is {str(path)!r}, which is read: it would be overwritten.",
                hint="Name another --out.",
            )
    if out.suffix not in {"", ".parquet"}:
        raise UsageError(
            f"--out {str(out)!r} ends in {out.suffix!r}, but what is written is Parquet.",
            hint=f"Name it {str(out.with_suffix('.parquet'))!r}.",
        )
    if not out.parent.is_dir():
        raise UsageError(f"There is no folder {str(out.parent)!r}.", hint="Make it first.")
