"""A challenger in the shadow: it scores the windows that the champion scores, and opens nothing.

Alarms of both are counted from the same windows by the same rule, from when the challenger came;
the champion's are counted anew too, so that neither has a finding from before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import polars as pl

from boxwatch.detections import Detection, Episodes
from boxwatch.features import VIEWS

STAGE: Final = "shadow"  # under which a checkpoint tells others what was seen
_MOST: Final = 500  # alarms of each that are told one by one


class Shadow:
    """What challenger and champion say of the same windows. All state is in `save()`.

    Args:
        alpha: As `Episodes` takes it.
    """

    def __init__(self, alpha: Mapping[str, float]) -> None:
        self._alpha = dict(alpha)
        self.begin(None, {}, {})

    def begin(
        self, number: int | None, given: Mapping[str, str], champion: Mapping[str, str]
    ) -> None:
        """Count anew: the challenger's version and models, and those that judge; None = nobody."""
        self.number = number
        self.given = dict(given)
        self._champion = dict(champion)
        self._episodes = {"challenger": Episodes(self._alpha), "champion": Episodes(self._alpha)}
        self._alarms: dict[str, dict[str, dict[str, object]]] = {"challenger": {}, "champion": {}}
        self._host_seconds = dict.fromkeys(VIEWS, 0.0)
        self._windows = 0
        self._began: str | None = None
        self._until: str | None = None

    def add(self, champion: pl.DataFrame, challenger: Sequence[pl.DataFrame]) -> None:
        """Take the scores of both of the windows of one turn; those that one lacks do not count."""
        if not challenger:
            return
        mine = pl.concat(challenger)
        keys = ["host", "view", "entity", "start"]
        theirs = champion.join(mine.select(keys).unique(), on=keys, how="semi")
        for role, scores in (("challenger", mine), ("champion", theirs)):
            for found in self._episodes[role].add(scores):
                self._keep(role, found)
        self._windows += mine.height
        moments = mine.select("host", "view", "start").unique()
        for view, count in moments.group_by("view").len().iter_rows():
            self._host_seconds[view] += count * VIEWS[view].window_s
        start, end = mine["start"].min(), mine["end"].max()
        self._began = start.isoformat() if self._began is None else self._began  # type: ignore[union-attr]
        self._until = end.isoformat()  # type: ignore[union-attr]

    def _keep(self, role: str, found: Detection) -> None:
        alarms = self._alarms[role]
        if found.id not in alarms and len(alarms) >= _MOST:
            return
        alarms[found.id] = {
            "host": found.host,
            "entity": found.entity,
            "start": found.start.isoformat(),
            "end": found.end.isoformat(),
            "open": found.open,
        }

    def told(self) -> bytes:
        """What others may know of it, as JSON; null where nobody is in the shadow."""
        if self.number is None:
            return b"null"
        return orjson.dumps(
            {
                "version": self.number,
                "models": self.given,
                "beside": self._champion,
                "began": self._began,
                "until": self._until,
                "windows": self._windows,
                "host_seconds": max(self._host_seconds.values()),
                "challenger": list(self._alarms["challenger"].values()),
                "champion": list(self._alarms["champion"].values()),
            }
        )

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "number": self.number,
            "given": self.given,
            "champion": self._champion,
            "episodes": {role: one.save() for role, one in self._episodes.items()},
            "alarms": self._alarms,
            "host_seconds": self._host_seconds,
            "windows": self._windows,
            "began": self._began,
            "until": self._until,
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self.begin(saved["number"], saved["given"], saved["champion"])
        for role, one in self._episodes.items():
            one.load(saved["episodes"][role])
        self._alarms = saved["alarms"]
        self._host_seconds = {**self._host_seconds, **saved["host_seconds"]}
        self._windows = saved["windows"]
        self._began, self._until = saved["began"], saved["until"]
