"""Studies told to MLflow: one run a study, and in it one nested run for each of its trials.

    run          one study, tag boxwatch.study = its name; the best trial's options and objective
      run        one trial, tag boxwatch.trial = its number; its options, its steps, its state

A trial that was written is not written again. The study's own run is brought up to date each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from mlflow import MlflowClient  # type: ignore[import-not-found,unused-ignore]
from mlflow.entities import Metric, Param, RunTag  # type: ignore[import-not-found,unused-ignore]
from mlflow.utils.mlflow_tags import (  # type: ignore[import-not-found,unused-ignore]
    MLFLOW_PARENT_RUN_ID,
)

from boxwatch.clock import to_micros
from boxwatch.store import Study, Trial

_STUDY: Final = "boxwatch.study"
_TRIAL: Final = "boxwatch.trial"
_STATES: Final = {"finished": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
_METRIC: Final = "objective"
_PAGE: Final = 1_000


def tell_study(client: MlflowClient, experiment: str, study: Study) -> int:
    """Write what MLflow does not have of `study`; how many trials were written."""
    parent = _parent(client, experiment, study)
    known = {
        run.data.tags[_TRIAL]
        for run in _runs(client, experiment, f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'")
        if _TRIAL in run.data.tags
    }
    ended = [one for one in study.trials if one.state != "running" and str(one.number) not in known]
    for trial in ended:
        _write_trial(client, experiment, parent, study, trial)
    best = study.best
    if ended and best is not None and best.objective is not None:
        at = _now(study)
        client.log_batch(
            parent,
            [Metric(f"best.{_METRIC}", best.objective, at, len(study.trials))],
            (),
            [
                RunTag("boxwatch.best_trial", str(best.number)),
                *(RunTag(f"best.{key}", str(value)) for key, value in best.values.items()),
            ],
        )
    return len(ended)


def _parent(client: MlflowClient, experiment: str, study: Study) -> str:
    found = list(_runs(client, experiment, f"tags.`{_STUDY}` = '{study.name}'"))
    mine = [run for run in found if MLFLOW_PARENT_RUN_ID not in run.data.tags]
    if mine:
        return str(mine[0].info.run_id)
    made = client.create_run(
        experiment,
        start_time=_now(study),
        run_name=f"study {study.name}",
        tags={_STUDY: study.name, "boxwatch.objective": study.objective},
    )
    usual = [Param(f"usual.{key}", str(value)) for key, value in study.usual.items()]
    client.log_batch(made.info.run_id, (), usual, ())
    client.set_terminated(made.info.run_id, "FINISHED")
    return str(made.info.run_id)


def _write_trial(
    client: MlflowClient, experiment: str, parent: str, study: Study, trial: Trial
) -> None:
    """The tag that says it is there comes last: a trial half written is written again."""
    at = _now(study)
    made = client.create_run(
        experiment,
        start_time=at,
        run_name=f"{study.name} {trial.number}",
        tags={MLFLOW_PARENT_RUN_ID: parent, "boxwatch.state": trial.state},
    )
    steps = [Metric("objective_so_far", value, at, step) for step, value in enumerate(trial.steps)]
    if trial.objective is not None:
        steps.append(Metric(_METRIC, trial.objective, at, 0))
    if trial.seconds is not None:
        steps.append(Metric("seconds", trial.seconds, at, 0))
    params = [Param(key, str(value)) for key, value in trial.values.items()]
    client.log_batch(made.info.run_id, steps, params, ())
    client.set_tag(made.info.run_id, _TRIAL, str(trial.number))
    client.set_terminated(made.info.run_id, _STATES[trial.state], at)


def _runs(client: MlflowClient, experiment: str, having: str) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], filter_string=having, max_results=_PAGE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _now(study: Study) -> int:
    return to_micros(datetime.fromisoformat(study.began)) // 1_000
