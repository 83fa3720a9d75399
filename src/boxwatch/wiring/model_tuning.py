"""Searching for the options of the detectors: a study in the data folder, gone on with at will."""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from boxwatch import parts
from boxwatch.errors import EnvironmentFault
from boxwatch.pulse import Progress, unheard
from boxwatch.settings import Settings
from boxwatch.store import (
    EventStore,
    Layout,
    Ledger,
    Study,
    Trial,
    WriterLock,
    check_name,
    load_rows,
    read_study,
    save_rows,
    study_names,
    write_study,
)
from boxwatch.wiring.detector_task import TASK, DetectorTask
from boxwatch.wiring.detector_trials import OBJECTIVE, DetectorTrials
from boxwatch.wiring.model_telling import tell
from boxwatch.wiring.study_recipes import COURSES, space
from boxwatch.wiring.study_reports import TuneReport, report_of

_LOOK_S: Final = 0.5  # between two looks at what other processes have tried
_STEP: Final = "trials"
_DIES_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, prctl(2)


@dataclass(frozen=True, slots=True)
class TuningWanted:
    """How long to search: until `trials` in all came to an end, or for so many seconds."""

    study: str
    trials: int
    seconds: float | None = None
    jobs: int = 1


def tune(settings: Settings, data: Path, wanted: TuningWanted, progress: Progress) -> TuneReport:
    """Try options of the detectors until the budget is used up; a study that is there goes on.

    Raises:
        UsageError: there is too little to tune by, or the study's name is none.
        EnvironmentFault: Optuna is not installed.
        StoreLocked: another process searches in this study.
    """
    search = _search()
    EventStore.open(data, writable=False).close()  # a folder that is not there is not made
    check_name(wanted.study)
    folder = Layout(data).models
    (folder / "studies").mkdir(parents=True, exist_ok=True)
    lock = WriterLock(folder / "studies" / f"{wanted.study}.lock")
    try:
        study = _begun(settings, data, wanted.study)
        tuning = _Tuning(settings, data, study, search, wanted)
        study = tuning.run(progress)
        Ledger.open(folder, TASK, writable=True).close()  # a study may come before any version
    finally:
        lock.release()
    return report_of(study, tell(settings, data))


class _Tuning:
    """One run of a search, in this process or in several."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        study: Study,
        search: Callable[..., Any],
        wanted: TuningWanted,
    ) -> None:
        self._settings = settings
        self._data = data
        self._wanted = wanted
        self._folder = Layout(data).models
        self._study = study
        self._space = space(courses=bool(study.usual[COURSES]))
        self._search = search
        self._progress: Progress = unheard

    def run(self, progress: Progress) -> Study:
        """Search; what came of it is on disk, too, also where this is interrupted."""
        self._progress = progress
        search = self._opened(0)
        done = search.take_up(self._study.usual)
        self._tell(search)
        left = max(self._wanted.trials - done, 0)
        try:
            if self._wanted.jobs == 1:
                self._here(search, left, len(search.trials()))
            else:
                self._in_processes(search, left)
        finally:
            self._tell(search)
        return self._study

    def _opened(self, tried: int) -> Any:  # noqa: ANN401 - the class of an optional part
        seed = self._settings.models.seed + tried
        beside = self._wanted.jobs > 1
        return self._search(self._folder, self._study.name, self._space, seed=seed, beside=beside)

    def _here(self, search: Any, trials: int, tried: int) -> None:  # noqa: ANN401
        if tried:  # gone on with: the same seed would draw what was drawn
            search = self._opened(tried)
        trial = judged(self._settings, self._folder, self._study)
        search.run(trial.judge, trials, time_left(self._wanted.seconds), lambda: self._tell(search))

    def _in_processes(self, search: Any, trials: int) -> None:  # noqa: ANN401
        jobs = min(self._wanted.jobs, max(trials, 1))
        context = multiprocessing.get_context("spawn")
        tried = len(search.trials())
        children = [
            context.Process(
                target=work,
                args=(self._settings, self._data, self._study.name, tried + number, share),
                kwargs={"seconds": self._wanted.seconds, "parent": os.getpid()},
                daemon=True,
            )
            for number, share in enumerate(_shares(trials, jobs))
        ]
        for child in children:
            child.start()
        try:
            for child in children:
                while child.is_alive():
                    child.join(_LOOK_S)
                    self._tell(search)
        finally:
            for child in children:
                child.terminate()
        broken = [child.exitcode for child in children if child.exitcode]
        if broken:
            raise EnvironmentFault(
                f"{len(broken)} of {jobs} processes of the search ended with {broken[0]}.",
                hint="What they had tried is kept; run the command again to go on.",
            )

    def _tell(self, search: Any) -> None:  # noqa: ANN401
        """Write down what is known by now, and say how far it is."""
        trials: tuple[Trial, ...] = search.trials()
        if trials != self._study.trials or not trials:
            self._study = self._study.after(trials)
            write_study(self._folder, self._study)
        self._progress(_STEP, search.whole(), self._wanted.trials)


def work(  # noqa: PLR0913 - what a process of its own is told
    settings: Settings,
    data: Path,
    name: str,
    number: int,
    trials: int,
    *,
    seconds: float | None,
    parent: int,
) -> None:
    """Try so many sets of options in a process of its own, which dies with its parent."""
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        return
    folder = Layout(data).models
    found = read_study(folder, name)
    search = _search()(
        folder,
        name,
        space(courses=bool(found.usual[COURSES])),
        seed=settings.models.seed + 1 + number,
        beside=True,
    )
    trial = judged(settings, folder, found)
    search.run(trial.judge, trials, time_left(seconds), lambda: None)


def judged(settings: Settings, folder: Path, study: Study) -> DetectorTrials:
    """What judges the trials of `study`: on the rows it began with, whatever was stored since."""
    rows = {view: load_rows(folder, name) for view, name in study.setting["rows"].items()}
    budget = {"detections": settings.detections.model_copy(update=study.setting["budget"])}
    return DetectorTrials(settings.model_copy(update=budget), rows, study.setting["recipe"])


def _begun(settings: Settings, data: Path, name: str) -> Study:
    """The study as it is, or a new one whose rows are frozen."""
    folder = Layout(data).models
    if name in study_names(folder):
        return read_study(folder, name)
    task = DetectorTask(settings.model_copy(update=_plain(settings)), data)
    selected = task.select()
    recipe = task.recipe()
    DetectorTrials(settings, selected.rows, recipe)  # refuses what is too little, before all else
    usual = {key: one.usual for key, one in space(courses=bool(recipe[COURSES])).items()}
    found = Study(
        name=name,
        task=TASK,
        objective=OBJECTIVE,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        setting={
            "rows": {view: save_rows(folder, rows) for view, rows in selected.rows.items()},
            "recipe": dict(recipe),
            "budget": {
                "false_alarms_per_host_week": settings.detections.false_alarms_per_host_week
            },
            "start": selected.description["start"],
            "end": selected.description["end"],
            "hosts": selected.description["hosts"],
            "excluded_windows": selected.description["excluded_windows"],
        },
        usual=usual,
    )
    write_study(folder, found)
    return found


def _plain(settings: Settings) -> dict[str, Any]:
    """The settings without what an earlier study found: a new one begins from the usual options."""
    return {"models": settings.models.model_copy(update={"study": None})}


def _search() -> Callable[..., Any]:
    try:
        return parts.load("search")
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"Optuna is not installed: no module {error.name!r}.",
            hint="pip install 'boxwatch[lifecycle]' brings it.",
        ) from error


def time_left(seconds: float | None) -> Callable[[], bool]:
    """Says whether `seconds` from now are not over; None = they never are."""
    end = math.inf if seconds is None else time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _shares(trials: int, jobs: int) -> list[int]:
    """`trials` over `jobs`, as evenly as can be."""
    return [trials // jobs + (number < trials % jobs) for number in range(jobs)]
