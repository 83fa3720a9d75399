"""From scores to findings: windows beyond the false-alarm budget, in a row, become one episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

import orjson
import polars as pl

from boxwatch.detections.detection import (
    Detection,
    Kind,
    Reason,
    Severity,
    from_record,
    to_record,
)
from boxwatch.detections.scores import COMBINED
from boxwatch.detections.watched import FORGET_S, Watched
from boxwatch.models import is_alarm

IN_A_ROW: Final = 2  # windows beyond the threshold that open an episode: one may be a hiccup
_QUIET: Final = 4  # windows back to normal that close it
_NORMAL: Final = 1e-3  # p-value from which a window is normal again
_MOST_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class Level:
    """The p-value at which an entity's window is beyond the budget, and how many share it."""

    host: str
    view: str
    entity: str
    entities: int
    p_value: float


@dataclass(slots=True)
class Run:
    """What one entity's latest windows were like."""

    seen: float = 0.0  # watched seconds at the latest one
    beyond: int = 0
    quiet: int = 0
    since: datetime | None = None
    open: Detection | None = None


class Episodes:
    """Opens, extends and closes statistical findings.

    Args:
        alpha: p-value of a window at which it is beyond the budget, per view, for a host with one
            entity; entities share their host's budget equally.
    """

    def __init__(self, alpha: Mapping[str, float]) -> None:
        # An episode takes so many windows beyond the threshold, so that there are at most the
        # windows' share of episodes, whatever the dependence between windows (Markov's bound).
        self.alpha = {view: IN_A_ROW * level for view, level in alpha.items()}
        self._runs: dict[str, Run] = {}
        self._entities: dict[str, int] = {}  # "host NUL view" -> entities met there
        self._watched = Watched()

    def add(self, scores: pl.DataFrame) -> list[Detection]:
        """Findings that opened, grew or closed; `scores` of any views, oldest first."""
        combined = scores.filter(pl.col("detector") == COMBINED).sort("end", maintain_order=True)
        changed: dict[str, Detection] = {}
        columns = ["host", "view", "entity", "start", "end", "p_value", "model_version"]
        reasons = combined["contributions"].to_list()
        for row, text in zip(combined.select(columns).iter_rows(), reasons, strict=True):
            detection = self._step(row, text)
            if detection is not None:
                changed[detection.id] = detection
        if not combined.is_empty():
            keys = set(
                combined.select(pl.concat_str("host", "view", "entity", separator="\0"))[:, 0]
            )
            gone = self._forget(keys, self._watched.until(combined["end"][-1]))
            changed |= {detection.id: detection for detection in gone}
        return list(changed.values())

    def levels(self) -> list[Level]:
        """Every entity's threshold, in the order of their names."""
        found = []
        for key in sorted(self._runs):
            host, view, entity = key.split("\0")
            mates = self._entities[f"{host}\0{view}"]
            found.append(Level(host, view, entity, mates, self.alpha[view] / mates))
        return found

    def _forget(self, came: set[str], watched: float) -> list[Detection]:
        """Let go of entities that are no more; their findings end with them."""
        for key in came:
            self._runs[key].seen = watched
        closed = []
        for key in [key for key, run in self._runs.items() if watched - run.seen > FORGET_S]:
            run = self._runs.pop(key)
            self._entities[key.rpartition("\0")[0]] -= 1
            if run.open is not None:
                closed.append(run.open.grown(run.open.end, still_open=False))
        return closed

    def _step(self, row: tuple[object, ...], contributions: str | None) -> Detection | None:
        host, view, entity, start, end, p, version = row
        key = f"{host}\0{view}\0{entity}"
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = Run()
            mates = f"{host}\0{view}"
            self._entities[mates] = self._entities.get(mates, 0) + 1
        p_value = cast("float", p)
        beyond = is_alarm(p_value, self.alpha[str(view)] / self._entities[f"{host}\0{view}"])
        if run.open is None:
            if not beyond:
                run.beyond, run.since = 0, None
                return None
            run.beyond += 1
            if run.since is None:
                run.since = cast("datetime", start)
            if run.beyond < IN_A_ROW:
                return None
            run.open = Detection(
                host=str(host),
                entity=str(entity),
                start=run.since,
                end=cast("datetime", end),
                open=True,
                kind=Kind.UNUSUAL,
                name=f"{view}-unusual",
                severity=Severity.MEDIUM,
                reasons=_reasons(str(entity), contributions),
                p_value=p_value,
                model_version=str(version),
            )
            run.quiet = 0
            return run.open
        return self._continue(run, cast("datetime", end), p_value, contributions)

    def _continue(
        self, run: Run, end: datetime, p_value: float, contributions: str | None
    ) -> Detection | None:
        finding = run.open
        if finding is None:
            return None
        if p_value > _NORMAL:
            run.quiet += 1
            if run.quiet < _QUIET:
                return None
            closed = finding.grown(finding.end, still_open=False)
            run.open, run.since, run.beyond = None, None, 0
            return closed
        run.quiet = 0
        if p_value < (1.0 if finding.p_value is None else finding.p_value):
            finding = replace(
                finding, p_value=p_value, reasons=_reasons(finding.entity, contributions)
            )
        run.open = finding.grown(end, still_open=True)
        return run.open

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        runs = {
            key: {
                "seen": run.seen,
                "beyond": run.beyond,
                "quiet": run.quiet,
                "since": None if run.since is None else run.since.isoformat(),
                "open": None if run.open is None else to_record(run.open),
            }
            for key, run in self._runs.items()
        }
        return {"runs": runs, "watched": self._watched.save()}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._runs = {
            key: Run(
                seen=run["seen"],
                beyond=run["beyond"],
                quiet=run["quiet"],
                since=None if run["since"] is None else datetime.fromisoformat(run["since"]),
                open=None if run["open"] is None else from_record(run["open"]),
            )
            for key, run in saved["runs"].items()
        }
        self._entities = dict(Counter(key.rpartition("\0")[0] for key in self._runs))
        self._watched.load(saved["watched"])


def _reasons(entity: str, contributions: str | None) -> tuple[Reason, ...]:
    if contributions is None:
        return ()
    parts = orjson.loads(contributions)[:_MOST_REASONS]
    return tuple(
        Reason(
            part["text"],
            entity=entity,
            metric=part["feature"],
            share=part["share"],
            value=part.get("value"),
            usual=part.get("usual"),
        )
        for part in parts
    )
