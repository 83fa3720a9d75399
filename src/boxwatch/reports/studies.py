"""A study as one page: how far it came trial by trial, and what each option had to do with it.

Pictures are drawn here as numbers in the coordinates of a view box; the template draws them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from boxwatch.reports.pages import ENVIRONMENT
from boxwatch.store import Study, Trial

WIDTH: Final = 360
HEIGHT: Final = 150
_EDGE: Final = 10
_MOST_ROWS: Final = 100
_WIDE: Final = 20.0  # times the least value from which an option is drawn by order of magnitude


@dataclass(frozen=True, slots=True)
class Dot:
    """One trial in a picture; `kind` is `best`, `usual` or `other`."""

    x: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """The objective against one thing; `path` is a line over it, empty where there is none."""

    title: str
    dots: tuple[Dot, ...]
    first: str
    last: str
    low: str
    high: str
    path: str = ""

    @property
    def spoken(self) -> str:
        """The picture in a sentence, for those who cannot see it."""
        return (
            f"{len(self.dots)} trials by {self.title}, from {self.first} to {self.last}; "
            f"objective from {self.low} to {self.high}."
        )


def study_page(study: Study) -> str:
    """`study` as one page that stands alone: it loads nothing and runs nothing."""
    done = [one for one in study.trials if one.objective is not None]
    ordered = sorted(done, key=lambda one: (-(one.objective or 0.0), one.number))
    return ENVIRONMENT.get_template("study.html.j2").render(
        study=study,
        best=study.best,
        usual=study.first,
        counts={
            state: sum(one.state == state for one in study.trials)
            for state in ("finished", "pruned", "failed", "running")
        },
        history=_history(study, done),
        options=[_option(study, done, name) for name in study.usual],
        trials=ordered[:_MOST_ROWS],
        more=max(len(ordered) - _MOST_ROWS, 0),
        sizes={"width": WIDTH, "height": HEIGHT},
    )


def _history(study: Study, done: Sequence[Trial]) -> Scatter:
    """Every trial that came to its end, and the best so far as a line."""
    last = max((one.number for one in study.trials), default=0)
    drawn = _scatter(study, done, "number of the trial", lambda one: one.number, (0.0, last))
    best = -math.inf
    points: list[str] = []
    for dot, trial in zip(drawn.dots, done, strict=True):
        if trial.objective is not None and trial.objective > best:
            best = trial.objective
            points.append(f"{'H' if points else 'M'}{dot.x:.1f}{'V' if points else ' '}{dot.y:.1f}")
    path = "".join(points) + (f"H{WIDTH - _EDGE}" if points else "")
    return Scatter(drawn.title, drawn.dots, "0", f"{last:g}", drawn.low, drawn.high, path)


def _option(study: Study, done: Sequence[Trial], name: str) -> Scatter:
    """The objective against one option; words and switches stand side by side."""
    known = [one for one in done if name in one.values]
    numbers = [one.values[name] for one in known]
    if not numbers or any(isinstance(one, bool | str) for one in numbers):
        words = sorted({str(one) for one in numbers})
        at = {word: float(place) for place, word in enumerate(words)}
        span = (-0.5, max(len(words), 1) - 0.5)
        drawn = _scatter(study, known, name, lambda one: at[str(one.values[name])], span)
        ends = (words[0], words[-1]) if words else ("", "")
        return Scatter(name, drawn.dots, *ends, drawn.low, drawn.high)
    low, high = float(min(numbers)), float(max(numbers))
    scale: Callable[[float], float] = math.log if low > 0.0 and high > _WIDE * low else float
    span = (scale(low), scale(high))
    drawn = _scatter(study, known, name, lambda one: scale(float(one.values[name])), span)
    return Scatter(name, drawn.dots, f"{low:.4g}", f"{high:.4g}", drawn.low, drawn.high)


def _scatter(
    study: Study,
    done: Sequence[Trial],
    title: str,
    place: Callable[[Trial], float],
    span: tuple[float, float],
) -> Scatter:
    reached = [one.objective for one in done if one.objective is not None]
    low, high = (min(reached), max(reached)) if reached else (0.0, 1.0)
    dots = tuple(
        Dot(
            _EDGE + (WIDTH - 2 * _EDGE) * _share(place(one), *span),
            _EDGE + (HEIGHT - 2 * _EDGE) * (1.0 - _share(one.objective or 0.0, low, high)),
            _kind(study, one),
            f"trial {one.number}: {one.objective:.4f}",
        )
        for one in done
    )
    return Scatter(title, dots, f"{span[0]:g}", f"{span[1]:g}", f"{low:.3f}", f"{high:.3f}")


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _kind(study: Study, trial: Trial) -> str:
    if study.best is not None and trial.number == study.best.number:
        return "best"
    return "usual" if trial.values == study.usual else "other"


def words(value: Any) -> str:  # noqa: ANN401 - an option's value is a number, a switch or a word
    """An option's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


ENVIRONMENT.filters["option"] = words
