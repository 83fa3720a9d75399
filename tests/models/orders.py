"""Made sessions whose lines come in an order, for the models of sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from boxwatch.models.sequences import Sequences

USUAL = ("open", "read", "check", "write", "sync", "close")
SWAPPED = (
    "open",
    "write",
    "check",
    "read",
    "sync",
    "close",
)  # the same lines, read and write swapped
HOUR = 3600.0


def sequences(*orders: Sequence[str], left: float = 10 * HOUR) -> Sequences:
    """Sessions with these lines, one a second."""
    names = sorted({name for order in orders for name in order})
    lengths = np.array([len(order) for order in orders], np.int64)
    return Sequences(
        templates=names,
        first=np.concatenate([[0], np.cumsum(lengths)]),
        template=np.array([names.index(name) for order in orders for name in order], np.int64),
        after=np.concatenate([np.arange(length, dtype=float) for length in lengths] or [[]]),
        left=np.full(len(orders), left),
    )


def ordinary(count: int = 200) -> list[Sequence[str]]:
    """Usual sessions, a third of them with one more read: order with some freedom."""
    longer = ("open", "read", "read", "check", "write", "sync", "close")
    return [longer if number % 3 == 0 else USUAL for number in range(count)]
