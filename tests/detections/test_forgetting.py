"""What is no more is forgotten, by the time of the windows: state does not grow with the months."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from tests.detections import made
from tests.detections.test_novelty import INFO, now, written
from tests.detections.test_silence import spoken

from boxwatch.detections import Episodes, NoveltyWatch, SilenceWatch, ViewScorer

DAY = timedelta(days=1)
FAR, ORDINARY = 1e-9, 0.5


def later(frame: pl.DataFrame, days: float, entity: str) -> pl.DataFrame:
    """The same rows so many days later, of another entity."""
    times = [name for name in ("time", "start", "end") if name in frame.columns]
    moved = [pl.col(name) + DAY * days for name in times]
    return frame.with_columns(*moved, pl.lit(entity).alias("entity"))


def scored(days: float, entity: str, p_value: float = ORDINARY) -> pl.DataFrame:
    """Three windows of an entity."""
    return later(made.scores([p_value] * 3), days, entity)


def hours(first: float, last: float) -> list[float]:
    """Every hour between two days, as days."""
    return [hour / 24 for hour in range(int(first * 24), int(last * 24) + 1)]


@pytest.mark.parametrize(("days", "known"), [(2, 2), (4, 1)])
def test_an_entity_without_windows_is_forgotten_after_three_days(days, known):
    """Then the budget of its host is shared by those that are there."""
    episodes = Episodes({"host": 1e-6})
    episodes.add(scored(0, "old"))
    for at in hours(0, days):
        episodes.add(scored(at, "new"))
    assert len(episodes.save()["runs"]) == known
    assert episodes._entities == {"box\0host": known}


def test_nobody_is_forgotten_while_nobody_watched():
    """A week's pause is no absence of those that were there before."""
    episodes = Episodes({"host": 1e-6})
    episodes.add(scored(0, "old"))
    episodes.add(scored(7, "new"))
    assert len(episodes.save()["runs"]) == 2


def test_a_finding_of_what_is_no_more_ends():
    """With its last window: nobody will ever see it normal again."""
    episodes = Episodes({"host": 1e-6})
    (opened,) = episodes.add(scored(0, "old", FAR))
    (closed,) = [word for at in hours(0, 4) for word in episodes.add(scored(at, "new"))]
    assert (closed.id, closed.open, closed.end) == (opened.id, False, opened.end)


def test_a_silence_of_what_is_no_more_ends():
    """It was said for as long as the service was expected."""
    watch = SilenceWatch()
    words = watch.add(spoken([3] * 360 + [0] * 30))
    (closed,) = [
        word for at in hours(0, 4) for word in watch.add(later(spoken([3]), at, "service:new"))
    ]
    assert (closed.id, closed.open, closed.end) == (words[-1].id, False, words[-1].end)
    assert len(watch.save()["rhythms"]) == 1


def test_a_service_that_writes_no_more_is_no_acquaintance():
    """When it comes back after days it has to be known for a while again."""
    watch = NoveltyWatch()
    watch.add(written([(0.0, "done", INFO)]), now(1))
    for at in hours(0, 4):
        watch.add(written([]), now(at * 86400))
    assert watch.save()["known"] == {}


def watched(*spans: tuple[float, float, str]) -> ViewScorer:
    """A scorer that saw an entity every hour between two days, span by span."""
    scorer = ViewScorer(made.SMALL, baseline_s=30)
    for first, last, entity in spans:
        for at in hours(first, last):
            scorer.add(later(made.windows(made.ordinary(40)), at, entity))
    return scorer


def test_a_view_forgets_entities_when_it_learns():
    """With what it learned from them; the others keep their own numbers."""
    scorer = watched((0, 0, "old"), (0, 4, "new"))
    assert scorer.save()["entities"] == ["box\0new"]
    x, entity, _ = scorer._history.rows()
    assert np.array_equal(entity, np.zeros(len(x), np.int32))


def test_a_forgotten_entity_may_come_back():
    """It is a new one then, and loading goes on from any of this."""
    scorer = watched((0, 0, "old"), (0, 4, "new"), (4, 4, "old"))
    again = ViewScorer(made.SMALL, baseline_s=30)
    again.load(scorer.save())
    rows = later(made.windows(made.ordinary(40), first=40), 4, "old")
    assert again.add(rows).equals(scorer.add(rows))
    assert again.save()["entities"] == ["box\0new", "box\0old"]
