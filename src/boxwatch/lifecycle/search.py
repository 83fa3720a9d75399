"""Options searched with Optuna: trials that are asked for, judged step by step, and told.

The search is kept in SQLite with every step, so it goes on where a killed process left it: what
that one had begun is tried again. Optuna takes a second to import: this module is loaded by name.

Sampler: tree-structured Parzen estimators (Bergstra et al., NeurIPS 2011). A trial is given up
when a step is below the median of the others' (Golovin et al., KDD 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import optuna  # type: ignore[import-not-found,unused-ignore]
from optuna.distributions import (  # type: ignore[import-not-found,unused-ignore]
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState  # type: ignore[import-not-found,unused-ignore]

from boxwatch.errors import BoxwatchError
from boxwatch.models import Choice, Range, Real
from boxwatch.store import Trial

_FILE: Final = "studies.db"
_UNTRIED: Final = 8  # trials before the sampler and the pruner have something to go by
_WAIT_S: Final = 60  # for the database, while others write to it
_WHY: Final = "why"
_STATES: Final = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}

Judge = Callable[[Mapping[str, Any]], Iterator[float]]


class Search:
    """One study of one folder of models.

    Args:
        folder: The folder of models.
        name: The study; made where it is not there.
        space: What may be tried, by the option's name.
        seed: Of the sampler. Others who search in the same study have others.
        beside: Whether others search in it at the same time.
    """

    def __init__(
        self, folder: Path, name: str, space: Mapping[str, Range], *, seed: int, beside: bool
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{(folder / _FILE).absolute()}",
            engine_kwargs={"connect_args": {"timeout": _WAIT_S}},
        )
        self._space = {key: _distribution(one) for key, one in space.items()}
        self._study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=_UNTRIED, constant_liar=beside
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNTRIED),
        )

    def take_up(self, usual: Mapping[str, Any]) -> int:
        """Begin, or go on after whoever was killed; how many trials are whole by now.

        Only where nobody else searches in this study: trials that run are taken for lost.
        """
        if not self._study.get_trials(deepcopy=False):
            self._study.enqueue_trial(dict(usual))
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
            self._study.enqueue_trial(trial.params)
        return self.whole()

    def whole(self) -> int:
        """How many trials came to an end, given up ones included, failed ones not."""
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        return len(self._study.get_trials(deepcopy=False, states=states))

    def run(
        self, judge: Judge, trials: int, going_on: Callable[[], bool], ended: Callable[[], None]
    ) -> None:
        """Try `trials` sets of options, fewer when `going_on` says no before one begins.

        Args:
            judge: Gives the objective over the steps so far after each step; higher is better.
            trials: How many.
            going_on: Asked before each trial.
            ended: Called after each trial.
        """
        for _ in range(trials):
            if not going_on():
                return
            self._try(judge)
            ended()

    def _try(self, judge: Judge) -> None:
        trial = self._study.ask(self._space)
        reached = math.nan
        try:
            for step, reached in enumerate(judge(trial.params)):
                trial.report(reached, step)
                if trial.should_prune():
                    self._study.tell(trial, state=TrialState.PRUNED)
                    return
        except BoxwatchError as error:
            trial.set_user_attr(_WHY, error.message)
            self._study.tell(trial, state=TrialState.FAIL)
            return
        self._study.tell(trial, reached)

    def trials(self) -> tuple[Trial, ...]:
        """All trials so far, by number; those that only wait for their turn are left out."""
        found = self._study.get_trials(deepcopy=False)
        return tuple(_record(one) for one in found if one.state in _STATES)


def _distribution(one: Range) -> BaseDistribution:
    if isinstance(one, Choice):
        return CategoricalDistribution(one.of)
    if isinstance(one, Real):
        return FloatDistribution(one.low, one.high, log=one.log)
    return IntDistribution(one.low, one.high, log=one.log)


def _record(trial: FrozenTrial) -> Trial:
    took = trial.duration
    return Trial(
        number=trial.number,
        state=_STATES[trial.state],  # type: ignore[arg-type]
        values=dict(trial.params),
        objective=trial.value if trial.state is TrialState.COMPLETE else None,
        steps=tuple(trial.intermediate_values[at] for at in sorted(trial.intermediate_values)),
        seconds=None if took is None else took.total_seconds(),
        why=str(trial.user_attrs.get(_WHY, "")),
    )
