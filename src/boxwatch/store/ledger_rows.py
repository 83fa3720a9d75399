"""The rows of the ledger: runs, and who had which role when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from boxwatch.clock import from_micros

Role = Literal["champion", "challenger"]
RunState = Literal["running", "finished", "failed", "lost"]

COLUMNS: Final = "number, task, began_us, ended_us, state, recipe, selection, version, outcome"


@dataclass(frozen=True, slots=True)
class Run:
    """One training: what went in, what came out.

    Attributes:
        number: Counts all runs from 1.
        task: What was trained, such as `detectors`.
        began: When it began.
        ended: When it ended; None while it runs.
        state: How it ended; `lost` = its process was gone before the end.
        recipe: Settings, seed and code version.
        selection: What it was trained on.
        version: Of what came out, from 1; None = nothing did.
        outcome: `parts`: the artifact of each part; figures; `reason` where it failed.
    """

    number: int
    task: str
    began: datetime
    ended: datetime | None
    state: RunState
    recipe: Mapping[str, Any]
    selection: Mapping[str, Any]
    version: int | None
    outcome: Mapping[str, Any]

    @property
    def parts(self) -> dict[str, str]:
        """The artifact of each part."""
        return dict(self.outcome.get("parts", {}))


@dataclass(frozen=True, slots=True)
class Decision:
    """By whom, why, and the gates' verdicts; none where nobody asked the gates."""

    by: str
    why: str
    evidence: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Who took a role from whom and when; or, where it was not done, who was refused it."""

    at: datetime
    role: Role
    version: int | None
    before: int | None
    done: bool
    decision: Decision


def to_run(row: tuple[Any, ...]) -> Run:
    """The run in a row of `COLUMNS`."""
    number, task, began, ended, state, recipe, selection, version, outcome = row
    return Run(
        number,
        task,
        from_micros(began),
        None if ended is None else from_micros(ended),
        state,
        json.loads(recipe),
        json.loads(selection),
        version,
        json.loads(outcome),
    )
