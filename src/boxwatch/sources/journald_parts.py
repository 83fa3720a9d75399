"""Lines of containers that Docker's journald driver cut, kept together on their way.

The driver cuts a line after 16 KiB; every part but the last has CONTAINER_PARTIAL_MESSAGE=true.
Parts are joined within one chunk, so the journal's source hands over no line whose end is to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

_PARTIAL: Final = b'"CONTAINER_PARTIAL_MESSAGE":"true"'


def first_open(pieces: Sequence[bytes]) -> tuple[int, int] | None:
    """Where, in `pieces` of rows, the first line begins whose last part is not there.

    The number of its piece and its place in that; None if every line has its end.
    """
    if not any(_PARTIAL in piece for piece in pieces):
        return None
    unfinished: dict[tuple[str, str], tuple[int, int]] = {}
    for number, piece in enumerate(pieces):
        place = 0
        for line in piece.splitlines(keepends=True):
            if b'"CONTAINER_ID_FULL"' in line:
                row = orjson.loads(line)
                key = (str(row.get("CONTAINER_ID_FULL")), str(row.get("PRIORITY")))
                if row.get("CONTAINER_PARTIAL_MESSAGE") == "true":
                    unfinished.setdefault(key, (number, place))
                else:
                    unfinished.pop(key, None)
            place += len(line)
    return min(unfinished.values(), default=None)
