"""From what a study tried to what training takes: flat names of options, and recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from boxwatch.errors import UsageError
from boxwatch.models import SPACES, Choice, Range
from boxwatch.store import read_study

COURSES: Final = "courses"


def space(*, courses: bool) -> dict[str, Range]:
    """What may be tried: `courses`, and each detector's options as `detector.option`."""
    found: dict[str, Range] = {COURSES: Choice((False, True), courses)}
    for detector, options in SPACES.items():
        found |= {f"{detector}.{name}": one for name, one in options.items()}
    return found


def recipe_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a recipe that `values`, one of each name in `space`, stand for."""
    options: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        detector, dot, option = name.partition(".")
        if dot:
            options.setdefault(detector, {})[option] = value
    return {COURSES: values[COURSES], "options": options}


def studied(folder: Path, name: str) -> dict[str, Any]:
    """The part of a recipe that the study `name` found best, and where it comes from.

    Raises:
        UsageError: there is no such study, or no trial of it came to its end.
    """
    study = read_study(folder, name)
    best = study.best
    if best is None:
        raise UsageError(
            f"No trial of the study {name!r} came to its end.",
            hint=f"`boxwatch models tune --study {name}` goes on with it.",
        )
    told = {"name": name, "trial": best.number, "objective": best.objective}
    return {**recipe_of(best.values), "study": told}
