"""What studies tried and what came of it: models/studies/NAME.json, whole at every instant.

The search itself keeps what it needs to go on elsewhere (models/studies.db); this file is what
everybody else reads: training, lists, pages. It is written again with every trial that ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self

from boxwatch.errors import StoreDamaged, UsageError
from boxwatch.store.durable import write_whole

_FOLDER: Final = "studies"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

TrialState = Literal["running", "finished", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of options that was tried.

    Attributes:
        number: From 0, in the order they began.
        state: `pruned` = given up early, since it did worse than others had at that step.
        values: What was tried, by the option's name.
        objective: What it reached; higher is better. None = it did not come to its end.
        steps: The objective after each step, over the steps so far.
        seconds: How long it took; None = unknown.
        why: What kept it from its end.
    """

    number: int
    state: TrialState
    values: Mapping[str, Any]
    objective: float | None
    steps: tuple[float, ...] = ()
    seconds: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """One search.

    Attributes:
        name: What a person calls it.
        task: Whose options were searched, such as `detectors`.
        objective: What is made as high as possible, in words.
        began: When it began first, as ISO 8601 in UTC.
        setting: What all trials share: rows by part, recipe, and what else decides the objective.
        usual: The options where nobody searched.
        trials: In the order of their numbers.
    """

    name: str
    task: str
    objective: str
    began: str
    setting: Mapping[str, Any]
    usual: Mapping[str, Any]
    trials: tuple[Trial, ...] = ()

    @property
    def best(self) -> Trial | None:
        """The finished trial with the highest objective, of equal ones the first."""
        done = [one for one in self.trials if one.objective is not None]
        return max(done, key=lambda one: (one.objective or 0.0, -one.number), default=None)

    @property
    def first(self) -> Trial | None:
        """The finished trial with the usual options."""
        same = (one for one in self.trials if one.values == self.usual)
        return next((one for one in same if one.objective is not None), None)

    def after(self, trials: tuple[Trial, ...]) -> Self:
        """The study with these trials."""
        return replace(self, trials=trials)


def write_study(folder: Path, study: Study) -> None:
    """Keep `study` below `folder`, the folder of models.

    Raises:
        StoreFull: no room; what was there stays.
    """
    write_whole(_path(folder, study.name), json.dumps(asdict(study), indent=1).encode())


def read_study(folder: Path, name: str) -> Study:
    """The study `name`.

    Raises:
        UsageError: there is none; says which there are.
        StoreDamaged: the file is there but cannot be understood.
    """
    path = _path(folder, name)
    try:
        content = json.loads(path.read_bytes())
        trials = tuple(
            Trial(**{**one, "steps": tuple(one["steps"])}) for one in content.pop("trials")
        )
        return Study(**content, trials=trials)
    except FileNotFoundError as error:
        there = ", ".join(study_names(folder)) or "none yet"
        raise UsageError(
            f"There is no study {name!r}.",
            hint=f"There are: {there}. `boxwatch models tune --study {name}` makes it.",
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreDamaged(
            f"{str(path)!r} cannot be read: {error}.",
            hint="Remove it; `boxwatch models tune` with the same --study writes it again.",
        ) from error


def study_names(folder: Path) -> list[str]:
    """The studies below `folder`, by name."""
    return sorted(path.stem for path in (folder / _FOLDER).glob("*.json"))


def check_name(name: str) -> None:
    """Refuse what is no name of a study.

    Raises:
        UsageError: says what is.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a study.",
            hint="Letters, digits, dots, hyphens and underscores are allowed, at most 64.",
        )


def _path(folder: Path, name: str) -> Path:
    check_name(name)
    return folder / _FOLDER / f"{name}.json"
