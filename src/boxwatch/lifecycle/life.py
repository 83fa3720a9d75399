"""The life of a model: trained from frozen rows, measured, gated, promoted, rolled back.

Every step leaves a row in the ledger. Killed at any instant, the ledger tells of a run that was
lost, and what was in use stays in use: artifacts are written whole before a version names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

import polars as pl

from boxwatch.errors import BoxwatchError, ModelError, UsageError
from boxwatch.lifecycle.evidence import Evidence
from boxwatch.lifecycle.gates import Limits, Verdict, check
from boxwatch.lifecycle.task import Task
from boxwatch.models import Saved
from boxwatch.store import (
    Decision,
    Ledger,
    RoleChange,
    Run,
    WriterLock,
    load_model,
    load_rows,
    save_model,
    save_rows,
)

_LOCK: Final = "training.lock"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What came of asking for a promotion: whether it was done, and what the gates said."""

    version: int
    before: int | None
    done: bool
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of training again: by part, the artifact then and now."""

    version: int
    then: Mapping[str, str]
    now: Mapping[str, str]

    @property
    def same(self) -> bool:
        """Whether every model is the same to the last bit, and so every score."""
        return self.then == self.now


def champions_line(changes: Sequence[RoleChange]) -> list[int]:
    """The champions that led to the present one; a return to one takes back what followed.

    Args:
        changes: As `Ledger.changes` gives them, the newest first.
    """
    line: list[int] = []
    for change in reversed(changes):
        if change.done and change.role == "champion" and change.version is not None:
            if line[-2:-1] == [change.version]:
                line.pop()
            else:
                line.append(change.version)
    return line


class Life:
    """The life of one task's models in one folder.

    Args:
        task: What is modelled.
        ledger: Of the same task and folder, writable.
        folder: Where models and rows lie.
    """

    def __init__(self, task: Task, ledger: Ledger, folder: Path) -> None:
        self._task = task
        self._ledger = ledger
        self._folder = folder

    def train(self) -> Run:
        """Learn from what there is now; the run, which made a version.

        Raises:
            StoreLocked: another process is training.
            BoxwatchError: whatever kept it from its end; the ledger has the reason.
        """
        lock = WriterLock(self._folder / _LOCK)
        try:
            selected = self._task.select()
            names = {part: save_rows(self._folder, rows) for part, rows in selected.rows.items()}
            recipe = {**self._task.recipe(), "code": installed("boxwatch")}
            number = self._ledger.begin(recipe, {**selected.description, "rows": names})
            try:
                parts = self._task.train(selected.rows, recipe)
                artifacts = {part: save_model(self._folder, one) for part, one in parts.items()}
            except BoxwatchError as error:
                self._ledger.fail(number, str(error))
                raise
            counts = {part: rows.height for part, rows in selected.rows.items()}
            return self._ledger.version(
                self._ledger.finish(number, artifacts, {"training_rows": counts})
            )
        finally:
            lock.release()

    def reproduce(self, version: int) -> Reproduction:
        """Train `version` again from its own rows and recipe; nothing is put in its place.

        Raises:
            StoreError: its rows are gone.
        """
        run = self._ledger.version(version)
        parts = self._task.train(self._rows(run), run.recipe)
        return Reproduction(
            version, run.parts, {part: save_model(self._folder, one) for part, one in parts.items()}
        )

    def promote(
        self, version: int, *, by: str, why: str, limits: Limits, force: bool = False
    ) -> Promotion:
        """Make `version` champion if the gates let it through; the ledger tells either way.

        Args:
            version: The candidate.
            by: Who asks.
            why: The reason; with `force` a person's own, and it is needed.
            limits: What the gates ask for.
            force: Promote whatever the gates say; what they said is recorded.

        Raises:
            UsageError: `force` without a reason.
        """
        if force and not why.strip():
            raise UsageError(
                "A forced promotion needs a reason.", hint='Give one with --reason "…".'
            )
        before, verdicts = self._asked(version, limits)
        refusals = [verdict for verdict in verdicts if not verdict.passed]
        if refusals and not force:
            self._refuse(version, by, why, verdicts)
            return Promotion(version, before, done=False, verdicts=tuple(verdicts))
        reason = f"forced: {why}" if refusals else why
        done = self._give(version, before, Decision(by, reason, _records(verdicts)))
        return Promotion(version, before, done, tuple(verdicts))

    def challenge(self, version: int, *, by: str, why: str, limits: Limits) -> Promotion:
        """Make `version` challenger if the gates let it through; the champion stays.

        `done` says whether it is challenger now. A challenger that was there gives way.
        """
        before, verdicts = self._asked(version, limits)
        if not all(verdict.passed for verdict in verdicts):
            self._refuse(version, by, why, verdicts)
            return Promotion(version, before, done=False, verdicts=tuple(verdicts))
        decision = Decision(by, why, _records(verdicts))
        holder = self._ledger.holder("challenger")
        done = self._ledger.give("challenger", version, holder, decision)
        return Promotion(version, before, done, tuple(verdicts))

    def decide(self, version: int, verdicts: Sequence[Verdict], *, by: str, why: str) -> Promotion:
        """End the shadow of the challenger `version`: champion if it passed, refused otherwise.

        Args:
            version: The challenger; the gates have let it through before.
            verdicts: What was seen in the shadow.
            by: Who decides.
            why: The reason.
        """
        before = self._ledger.holder("champion")
        if all(verdict.passed for verdict in verdicts):
            done = self._give(version, before, Decision(by, why, _records(verdicts)))
        else:
            done = False
            self._refuse(version, by, why, verdicts)
            self._leave_shadow(version, by, "refused")
        return Promotion(version, before, done, tuple(verdicts))

    def _asked(self, version: int, limits: Limits) -> tuple[int | None, list[Verdict]]:
        """The present champion, and what the gates say of `version` beside it."""
        before = self._ledger.holder("champion")
        return before, check(*self._evidence(version, before), limits)

    def _refuse(self, version: int, by: str, why: str, verdicts: Sequence[Verdict]) -> None:
        refusals = "; ".join(one.text for one in verdicts if not one.passed)
        reason = f"{why}; refused: {refusals}".lstrip("; ")
        self._ledger.refuse("champion", version, Decision(by, reason, _records(verdicts)))

    def _give(self, version: int, before: int | None, decision: Decision) -> bool:
        done = self._ledger.give("champion", version, before, decision)
        if done:
            self._leave_shadow(version, decision.by, "champion now")
        return done

    def _leave_shadow(self, version: int, by: str, why: str) -> None:
        if self._ledger.holder("challenger") == version:
            self._ledger.give("challenger", None, version, Decision(by, why))

    def roll_back(self, *, by: str, why: str) -> Promotion:
        """Give the role back to the champion before the present one; no gate is asked.

        Raises:
            UsageError: there was none before.
        """
        line = champions_line(self._ledger.changes())
        if len(line) < 2:
            raise UsageError(
                "There is no earlier champion to go back to.",
                hint="See `boxwatch models history`.",
            )
        before, now = line[-2:]
        done = self._ledger.give("champion", before, now, Decision(by, f"rolled back: {why}"))
        return Promotion(before, now, done, ())

    def _evidence(self, version: int, champion: int | None) -> tuple[Evidence, Evidence | None]:
        """Of both, measured one after the other with the candidate's rows."""
        run = self._ledger.version(version)
        rows = self._rows(run)
        again = self.reproduce(version).now
        mine = replace(self._task.measure(self._parts(run), rows), artifacts=run.parts, again=again)
        if champion is None or champion == version:
            return mine, None
        theirs = self._ledger.version(champion)
        try:
            return mine, self._task.measure(self._parts(theirs), rows)
        except ModelError as error:  # of an older format: nobody can use it any more
            missing = f"champion v{champion}: {error.message}"
            return replace(mine, unmeasured=(*mine.unmeasured, missing)), None

    def _rows(self, run: Run) -> dict[str, pl.DataFrame]:
        names: Mapping[str, Any] = run.selection["rows"]
        return {part: load_rows(self._folder, name) for part, name in names.items()}

    def _parts(self, run: Run) -> dict[str, Saved]:
        return {part: load_model(self._folder, name) for part, name in run.parts.items()}


def _records(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [verdict.record() for verdict in verdicts]
