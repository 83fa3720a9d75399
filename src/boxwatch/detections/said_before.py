"""The errors that each service has written, how often, and which of them a new one is like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from boxwatch.models.closeness import SAME, Closeness

_MOST_KINDS: Final = 10_000  # of error that are remembered, over all services
_LONGEST: Final = 120  # characters of a template in a sentence


class SaidBefore:
    """Remembers errors by service and template ("kind": service NUL template)."""

    def __init__(self) -> None:
        self._closeness = Closeness(_MOST_KINDS)
        self._times: dict[str, int] = {}  # by kind, the longest unheard first

    def like(self, row: Mapping[str, Any], errors: pl.DataFrame) -> str:
        """What a new error (`service`, `template`, `place`) is like, in words; "" if like nothing.

        `errors` are those of this turn (`kind`, `place` in their order): those before `row` count.
        """
        near = self._closeness.nearest(row["template"], row["service"])
        if near is None or near.closeness < SAME:
            return ""
        kind = f"{row['service']}\0{near.template}"
        before = (pl.col("kind") == kind) & (pl.col("place") < row["place"])
        times = self._times.get(kind, 0) + errors.filter(before).height
        return f"like `{near.template[:_LONGEST]}` ({near.closeness:.2f}), seen {times:,} times"

    def meet(self, service: str, template: str) -> None:
        """From now on `service` has written `template`."""
        self._closeness.add(template, service)

    def count(self, errors: pl.DataFrame) -> None:
        """These errors were written (`kind`)."""
        for kind, times in errors.group_by("kind", maintain_order=True).len().iter_rows():
            self._times[kind] = self._times.pop(kind, 0) + times
        for kind in list(self._times)[: max(0, len(self._times) - _MOST_KINDS)]:
            del self._times[kind]

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {"closeness": self._closeness.save(), "times": self._times}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._closeness.load(saved["closeness"])
        self._times = dict(saved["times"])
