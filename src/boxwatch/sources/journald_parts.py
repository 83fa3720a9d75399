"""Lines of containers that Docker's journald driver cut, kept together on their way.

The driver cuts a line after 16 KiB; every part but the last has CONTAINER_PARTIAL_MESSAGE=true.
Parts are joined within one chunk, so the journal's source hands over no line whose end is to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from boxwatch.sources.journald_rows import JournalRows

_PARTIAL: Final = b"\nCONTAINER_PARTIAL_MESSAGE=true\n"


def first_open(pieces: Sequence[JournalRows | None]) -> tuple[int, int] | None:
    """Where, in `pieces` that are entries or not, the first line begins that has no end there.

    The number of its piece and its row in that; None if every line has its end.
    """
    if not any(_PARTIAL in piece.text for piece in pieces if piece is not None):
        return None
    unfinished: dict[tuple[str, str], tuple[int, int]] = {}
    for number, piece in enumerate(pieces):
        lines = [] if piece is None else piece.lines.splitlines()
        for place, line in enumerate(lines):
            if b'"CONTAINER_ID_FULL"' in line:
                row = orjson.loads(line)
                key = (str(row.get("CONTAINER_ID_FULL")), str(row.get("PRIORITY")))
                if row.get("CONTAINER_PARTIAL_MESSAGE") == "true":
                    unfinished.setdefault(key, (number, place))
                else:
                    unfinished.pop(key, None)
    return min(unfinished.values(), default=None)
