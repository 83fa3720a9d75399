"""Hosts that cannot be reached: what was open on them is neither over nor going on, but unknown."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


class Away:
    """Which hosts are out of reach, and when others came back; all of its state is in `save()`."""

    def __init__(self) -> None:
        self._out: dict[str, bool] = {}
        self._back: dict[str, int] = {}

    def learn(self, lines: pl.DataFrame) -> None:
        """Take what the lines to hosts say: host, time, `up`; 0 while one is broken."""
        told = lines.select("host", pl.col("time").dt.timestamp("us"), pl.col("up") == 0)
        for host, instant, broken in told.iter_rows():
            if broken:
                self._out[host] = True
            elif self._out.pop(host, False):
                self._back[host] = instant

    def holds(self, host: str) -> bool:
        """True while nothing can be known of `host`."""
        return host in self._out

    def last(self, host: str, seen: int, more: int = 0) -> int:
        """When something was last `seen`, or could have been: not before the host was back.

        All in microseconds; `more` is how long after its return.
        """
        return max(seen, self._back[host] + more) if host in self._back else seen

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {"out": sorted(self._out), "back": dict(self._back)}

    def load(self, state: Mapping[str, object]) -> None:
        """Know again what `save` described."""
        out, back = state.get("out", ()), state.get("back", {})
        self._out = dict.fromkeys(map(str, out), True) if isinstance(out, list) else {}
        self._back = {str(k): int(v) for k, v in back.items()} if isinstance(back, dict) else {}
