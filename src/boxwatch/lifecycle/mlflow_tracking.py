"""The ledger told to MLflow: experiments, runs, models, versions and who is champion.

The ledger is what watching relies on; MLflow is where people look, compare and keep the models of
many teams. So telling is a sync: what MLflow does not have yet is written, as often as one asks,
and a server that cannot be reached costs nothing but the wait.

    experiment   boxwatch/<task>
    run          one run of the ledger, tag boxwatch.run = its number; failed ones too
    LoggedModel  one version with its artifacts: manifests and arrays, nothing that runs code
    version      of the registered model boxwatch-<task>, tag boxwatch.version = v7
    alias        champion, challenger

Importing MLflow takes seconds: this module is loaded by name, and never while watching.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import mlflow  # type: ignore[import-not-found,unused-ignore]
from mlflow import MlflowClient  # type: ignore[import-not-found,unused-ignore]
from mlflow.entities import LoggedModelStatus, Metric, Param, RunTag  # type: ignore[import-not-found,unused-ignore]
from mlflow.environment_variables import (  # type: ignore[import-not-found,unused-ignore]
    MLFLOW_HTTP_REQUEST_MAX_RETRIES,
    MLFLOW_HTTP_REQUEST_TIMEOUT,
    MLFLOW_REGISTRY_URI,
    MLFLOW_TRACKING_URI,
)
from mlflow.exceptions import MlflowException  # type: ignore[import-not-found,unused-ignore]
from mlflow.models import Model, ModelSignature  # type: ignore[import-not-found,unused-ignore]
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec  # type: ignore[import-not-found,unused-ignore]

from boxwatch.clock import to_micros
from boxwatch.errors import EnvironmentFault
from boxwatch.lifecycle.mlflow_studies import tell_study
from boxwatch.store import Ledger, Role, Run, Study, load_model

_RUN: Final = "boxwatch.run"
_VERSION: Final = "boxwatch.version"
_STATES: Final = {"finished": "FINISHED", "failed": "FAILED", "lost": "KILLED"}
_LONGEST: Final = 6_000  # letters of a parameter; MLflow refuses longer ones
_MOST_PARAMS: Final = 100  # that MLflow takes at once
# MLflow does not say what types its variables take.
_PATIENCE: Final[tuple[tuple[Any, int], ...]] = (
    (MLFLOW_HTTP_REQUEST_TIMEOUT, 30),  # seconds
    (MLFLOW_HTTP_REQUEST_MAX_RETRIES, 2),
)
_ADDRESSES: Final[tuple[Any, ...]] = (MLFLOW_TRACKING_URI, MLFLOW_REGISTRY_URI)
_ROLES: Final[tuple[Role, ...]] = ("champion", "challenger")


class MlflowTracking:
    """One MLflow server, or a file of SQLite with a folder beside it.

    Args:
        uri: Of the server; None = `folder`/mlflow.db and `folder`/mlflow, no server.
        folder: Where the models of the ledger lie.
    """

    def __init__(self, uri: str | None, folder: Path) -> None:
        self.uri = f"sqlite:///{(folder / 'mlflow.db').absolute()}" if uri is None else uri
        self._folder = folder
        self._artifacts = None if uri is not None else (folder / "mlflow").absolute().as_uri()
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its steps
        logging.getLogger("mlflow").setLevel(logging.WARNING)

    def sync(self, ledger: Ledger, task: str) -> int:
        """Write what MLflow does not have; how many runs were written.

        Raises:
            EnvironmentFault: the server cannot be reached, or refuses.
        """
        with self._client() as client:
            return _Sync(client, self._folder, self._artifacts, task).all_of(ledger)

    def sync_studies(self, studies: Sequence[Study], task: str) -> int:
        """Write what MLflow does not have of `studies`; how many trials were written.

        Raises:
            EnvironmentFault: the server cannot be reached, or refuses.
        """
        if not studies:
            return 0
        with self._client() as client:
            experiment = experiment_of(client, task, self._artifacts)
            return sum(tell_study(client, experiment, one) for one in studies)

    @contextmanager
    def _client(self) -> Iterator[MlflowClient]:
        # The registry looks a model up by these, not by the client's own addresses. MLflow puts
        # them into the environment, where what is asked next would take them for a person's own.
        patience = [variable for variable, _ in _PATIENCE]
        before = {variable: variable.get_raw() for variable in (*_ADDRESSES, *patience)}
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        # MLflow's own patience is a quarter of an hour; who set another is heard.
        for variable, usual in _PATIENCE:
            if not variable.is_set():
                variable.set(usual)
        try:
            yield MlflowClient()
        except (MlflowException, OSError, ImportError) as error:  # a store may need a library
            raise EnvironmentFault(
                f"MLflow at {self.uri!r} was not told: {str(error).splitlines()[0]}",
                hint="Nothing is lost: `boxwatch models sync` tells it what it does not have.",
            ) from error
        finally:
            for variable, value in before.items():
                variable.set(value) if value else variable.unset()


def experiment_of(client: MlflowClient, task: str, artifacts: str | None) -> str:
    """The experiment of `task`; made where it is not there, its artifacts at `artifacts`."""
    name = f"boxwatch/{task}"
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=artifacts))


class _Sync:
    """One sync of one task."""

    def __init__(
        self, client: MlflowClient, folder: Path, artifacts: str | None, task: str
    ) -> None:
        self._client = client
        self._folder = folder
        self._model = f"boxwatch-{task}"
        self._task = task
        self._experiment = experiment_of(client, task, artifacts)

    def all_of(self, ledger: Ledger) -> int:
        runs = [run for run in ledger.runs() if run.state != "running"]
        known = self._known_runs()
        versions = self._known_versions()
        fresh = [run for run in reversed(runs) if str(run.number) not in known]
        for run in fresh:
            self._write_run(run)
        for run in reversed(runs):
            if run.version is not None and f"v{run.version}" not in versions and self._kept(run):
                versions[f"v{run.version}"] = self._write_version(run, self._run_id(run))
        for role in _ROLES:
            holder = ledger.holder(role)
            if holder is not None:
                self._client.set_registered_model_alias(self._model, role, versions[f"v{holder}"])
        for change in reversed(ledger.changes()):
            name = f"v{change.version}"
            if name in versions and change.role == "champion":
                state = "promoted" if change.done else "refused"
                for key, text in (("state", state), ("why", change.decision.why[:_LONGEST])):
                    self._client.set_model_version_tag(
                        self._model, versions[name], f"boxwatch.{key}", text
                    )
        return len(fresh)

    def _kept(self, run: Run) -> bool:
        """Whether its artifacts are there: those of old versions are removed in time."""
        return all((self._folder / name).is_dir() for name in run.parts.values())

    def _known_runs(self) -> set[str]:
        found = self._pages(
            lambda token: self._client.search_runs(
                [self._experiment], max_results=1_000, page_token=token
            )
        )
        return {run.data.tags[_RUN] for run in found if _RUN in run.data.tags}

    def _run_id(self, run: Run) -> str:
        found = self._client.search_runs(
            [self._experiment], filter_string=f"tags.`{_RUN}` = '{run.number}'"
        )
        return str(found[0].info.run_id)

    def _known_versions(self) -> dict[str, str]:
        """MLflow's number of each version it has; the registered model is made if need be."""
        try:
            self._client.create_registered_model(self._model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = self._pages(
            lambda token: self._client.search_model_versions(
                f"name = '{self._model}'", max_results=1_000, page_token=token
            )
        )
        return {one.tags[_VERSION]: one.version for one in found if _VERSION in one.tags}

    @staticmethod
    def _pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = ask(token)
            yield from page
            token = page.token
            if not token:
                return

    def _write_run(self, run: Run) -> None:
        """The tag that says it is there comes last: a run half written is written again."""
        name = f"run {run.number}" if run.version is None else f"v{run.version}"
        made = self._client.create_run(
            self._experiment, start_time=to_micros(run.began) // 1_000, run_name=name
        )
        ended = run.began if run.ended is None else run.ended
        at = to_micros(ended) // 1_000
        metrics = [
            Metric(key, value, at, 0) for key, value in _numbers(run.outcome.get("figures", {}))
        ]
        params = [
            Param(key, text[:_LONGEST])
            for key, text in _texts({"recipe": run.recipe, "selection": run.selection})
        ]
        tags = [RunTag("boxwatch.reason", str(run.outcome.get("reason", ""))[:_LONGEST])]
        self._client.log_batch(made.info.run_id, metrics, (), tags)
        for start in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(made.info.run_id, params=params[start : start + _MOST_PARAMS])
        self._client.set_tag(made.info.run_id, _RUN, str(run.number))
        self._client.set_terminated(made.info.run_id, _STATES[run.state], at)

    def _write_version(self, run: Run, run_id: str) -> str:
        model = self._client.create_logged_model(
            self._experiment,
            name=self._model,
            source_run_id=run_id,
            tags={_VERSION: f"v{run.version}"},
            model_type="boxwatch",
        )
        with tempfile.TemporaryDirectory() as place:
            for part, artifact in run.parts.items():
                load_model(self._folder, artifact)  # what is damaged does not leave the machine
                shutil.copytree(self._folder / artifact, Path(place) / part)
            _describe(run, model.model_id, run_id).save(str(Path(place) / "MLmodel"))
            self._client.log_model_artifacts(model.model_id, place)
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        made = self._client.create_model_version(
            self._model,
            source=f"models:/{model.model_id}",
            run_id=run_id,
            model_id=model.model_id,
            tags={_VERSION: f"v{run.version}"},
        )
        return str(made.version)


def _describe(run: Run, model_id: str, run_id: str) -> Model:
    """MLflow's own page about a version: its parts, and the columns each one reads."""
    columns: Mapping[str, list[str]] = run.selection.get("features", {})
    specs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.double, f"{part}.{name}", required=False)
        for part, names in columns.items()
        for name in names
    ]
    return Model(
        run_id=run_id,
        model_id=model_id,
        flavors={"boxwatch": {"parts": run.parts, "loads": "arrays and JSON, no code"}},
        signature=ModelSignature(
            inputs=Schema(specs or [ColSpec(DataType.double, "value", required=False)]),
            outputs=Schema([ColSpec(DataType.double, "p_value")]),
        ),
    )


def _numbers(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, float]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{at}{key}.")
        elif isinstance(value, int | float):
            yield f"{at}{key}", float(value)


def _texts(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _texts(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", str(value)
