"""A challenger scores beside the champion, opens nothing, and is seen on the same windows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.live import recorded

from boxwatch.detections import ViewModel, load_view_model
from boxwatch.features import VIEWS
from boxwatch.live import Pipeline
from boxwatch.live.state import flatten, unflatten
from boxwatch.models import Saved
from boxwatch.store import pack, unpack

MINUTES = 24
LEARNED = 10


@pytest.fixture(scope="module")
def turns(recording) -> recorded.Turns:
    """The first minutes; a fault begins in the thirteenth."""
    return recording.turns(60, until_s=60 * MINUTES)


@pytest.fixture(scope="module")
def models(turns) -> dict[str, ViewModel]:
    """Models that learned from the first ten minutes."""
    pipeline = Pipeline()
    for events, now in turns[:LEARNED]:
        pipeline.process(events, now)
    return {name: one.model for name, one in pipeline.scorers.items() if one.model is not None}


def renamed(models: dict[str, ViewModel], name: str) -> dict[str, ViewModel]:
    """The same models as another version."""
    return {view: replace(model, version=f"{view}-{name}") for view, model in models.items()}


def jumpy(models: dict[str, ViewModel]) -> dict[str, ViewModel]:
    """A version to which every window is stranger: readings seem ten times as far out."""
    found = {}
    for view, model in models.items():
        saved = model.save()
        arrays = {
            name: array / 10 if name == "scale/spread" else array
            for name, array in saved.arrays.items()
        }
        loaded = load_view_model(VIEWS[view], Saved(arrays, saved.meta))
        found[view] = replace(loaded, version=f"{view}-jumpy")
    return found


def judged(pipeline: Pipeline, turns: recorded.Turns) -> list[tuple[str, str]]:
    """What was said of each incident."""
    found = recorded.judged(pipeline, turns)
    return sorted((one.id, str(one)) for one in found.values())


def told(pipeline: Pipeline) -> dict:
    """What others may know of the shadow."""
    return json.loads(pipeline.shadow.told())


def test_nobody_in_the_shadow_is_told_as_nobody(turns):
    """And nothing is scored twice."""
    pipeline = Pipeline()
    pipeline.process(*turns[0])
    assert told(pipeline) is None


def test_a_challenger_changes_nothing_of_what_is_said(turns, models):
    """The same incidents with one that alarms all the time beside it."""
    alone, beside = Pipeline(None, models), Pipeline(None, models)
    beside.put_beside(2, jumpy(models))
    assert judged(alone, turns) == judged(beside, turns)
    assert len(told(beside)["challenger"]) > len(told(beside)["champion"])


def test_both_are_seen_on_the_same_windows(turns, models):
    """A challenger that is the champion has the champion's alarms."""
    pipeline = Pipeline(None, models)
    pipeline.put_beside(2, renamed(models, "twin"))
    judged(pipeline, turns)
    found = told(pipeline)
    assert found["challenger"] == found["champion"] != []
    assert found["version"] == 2
    assert 0 < found["host_seconds"] <= 2 * 60 * MINUTES


def test_a_shadow_goes_on_after_a_stop(turns, models):
    """Saved and loaded within it, it tells the same in the end."""
    whole = Pipeline(None, models)
    whole.put_beside(2, jumpy(models))
    judged(whole, turns)
    first = Pipeline(None, models)
    first.put_beside(2, jumpy(models))
    judged(first, turns[:15])
    again = Pipeline(None, models)
    again.load(unflatten(unpack(pack(flatten(first.save())))))
    again.put_beside(2, jumpy(models))
    judged(again, turns[15:])
    assert told(again) == told(whole)


def test_beside_another_champion_it_is_counted_anew(turns, models):
    """So it is for another challenger."""
    pipeline = Pipeline(None, models)
    pipeline.put_beside(2, jumpy(models))
    judged(pipeline, turns[:5])
    pipeline.take_up(renamed(models, "next"))
    assert (told(pipeline)["windows"], told(pipeline)["version"]) == (0, 2)
    judged(pipeline, turns[5:8])
    assert told(pipeline)["windows"] > 0
    pipeline.put_beside(3, renamed(models, "third"))
    assert (told(pipeline)["windows"], told(pipeline)["version"]) == (0, 3)
