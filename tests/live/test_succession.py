"""Another version judges between two turns: no window is lost or doubled, incidents go on."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace

import polars as pl
import pytest
from tests.live import recorded
from tests.live.test_loop import Tape

from boxwatch.detections import COMBINED
from boxwatch.errors import StoreDamaged
from boxwatch.live import Loop, Pipeline, Succession, Turn, Version
from boxwatch.pulse import REGISTRY
from boxwatch.store import EventStore, StateStore

MINUTES = 20
SWITCH = 14  # within the fault that begins in the thirteenth
PATIENCE_S = 60


@pytest.fixture(scope="module")
def turns(recording) -> recorded.Turns:
    """Twenty minutes, in turns of one."""
    return recording.turns(60, until_s=60 * MINUTES)


@pytest.fixture(scope="module")
def versions(turns) -> list[Version]:
    """Two versions that learned from the first minutes."""
    found = []
    for number, until in enumerate((8, 11), 1):
        pipeline = Pipeline()
        for events, now in turns[:until]:
            pipeline.process(events, now)
        models = {
            name: replace(one.model, version=f"{name}{number}")
            for name, one in pipeline.scorers.items()
            if one.model is not None
        }
        found.append(Version(number, models))
    return found


class Named:
    """What is named champion, as a file beside the models would have it."""

    def __init__(self, version: Version | Exception | None) -> None:
        self.version = version
        self.stamp = 0
        self.refused: list[str] = []
        self.succession = Succession(lambda: self.stamp, self._load, self.refused.append, 0.0)

    def name(self, version: Version | Exception | None) -> None:
        """Name another one."""
        self.version, self.stamp = version, self.stamp + 1

    def _load(self) -> Version | None:
        if isinstance(self.version, Exception):
            raise self.version
        return self.version


class Watch:
    """A data folder watched by a loop whose champions are `named`."""

    def __init__(self, folder, named: Named, stack: ExitStack) -> None:
        store = stack.enter_context(EventStore.open(folder, writable=True))
        self.state = stack.enter_context(StateStore.open(folder))
        self.loop = Loop(store, self.state, Pipeline(), [], None, named.succession)
        self.store = store
        self.scores: list[pl.DataFrame] = []

    def judge(self, turns: recorded.Turns) -> None:
        """Store and judge `turns` one after another, looking for another champion after each."""
        for events, now in turns:
            seq = self.store.append(events, now, {})
            self.scores.append(self.loop.judge(seq, Turn(events, now, {})).scores)
            self.loop.succeed()

    def keys(self) -> pl.DataFrame:
        """The windows that were scored, in order."""
        scores = pl.concat(self.scores).filter(pl.col("detector") == COMBINED)
        return scores.select("host", "view", "entity", "start").sort(pl.all())

    def until_taken(self, named: Named, name: str) -> None:
        """Wait until the loop, asked between two turns, judges by it."""
        end = time.monotonic() + PATIENCE_S
        while self.loop.champion != name and time.monotonic() < end:
            self.loop.succeed()
            time.sleep(0.001)
        assert self.loop.champion == name, named.refused


def run(loop: Loop, turns: recorded.Turns, told: list[str | None]) -> None:
    """Watch `turns` and note after each who judged."""
    tape = Tape(turns)
    asyncio.run(loop.run(tape, asyncio.Event(), lambda status: told.append(status.champion)))


def used(scores: pl.DataFrame) -> set[str]:
    """The models of the host's windows."""
    return set(scores.filter(pl.col("view") == "host")["model_version"])


def test_every_window_is_scored_once_before_or_after(tmp_path, turns, versions):
    """The same windows as without the switch: until it by the one, from it on by the other."""
    named, alone = Named(versions[0]), Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path / "a", named, stack)
        list(watch.loop.recovering())
        watch.judge(turns[:SWITCH])
        named.name(versions[1])
        watch.until_taken(named, "v2")
        watch.judge(turns[SWITCH:])
        other = Watch(tmp_path / "b", alone, stack)
        list(other.loop.recovering())
        other.judge(turns)
        assert used(pl.concat(watch.scores[:SWITCH])) == {"host1"}
        assert used(pl.concat(watch.scores[SWITCH:])) == {"host2"}
        assert watch.keys().equals(other.keys())
        assert watch.keys().is_duplicated().sum() == 0


def test_an_incident_goes_on_over_the_switch(tmp_path, turns, versions):
    """It began under the one champion, and under the next it is the same incident."""
    named = Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path, named, stack)
        list(watch.loop.recovering())
        watch.judge(turns[:SWITCH])
        watch.loop.checkpoint()
        before = {one.id: one.end for one in watch.state.incidents()}
        named.name(versions[1])
        watch.until_taken(named, "v2")
        watch.judge(turns[SWITCH:])
        watch.loop.checkpoint()
        after = {one.id: one.end for one in watch.state.incidents()}
        assert before
        assert any(after[name] > end for name, end in before.items())


def test_killed_after_the_switch_it_goes_on_with_the_new_one(tmp_path, turns, versions):
    """What was judged by the old is not judged again: the switch saves the state."""
    named = Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path, named, stack)
        list(watch.loop.recovering())
        watch.judge(turns[:SWITCH])
        named.name(versions[1])
        watch.until_taken(named, "v2")
        watch.judge(turns[SWITCH : SWITCH + 2])
    with ExitStack() as stack:
        again = Watch(tmp_path, named, stack)
        assert list(again.loop.recovering()) == [SWITCH + 1, SWITCH + 2]
        assert again.loop.champion == "v2"


def test_what_was_judged_before_a_crash_is_judged_by_the_same_again(tmp_path, turns, versions):
    """A champion that was named while nobody watched comes after what is stored."""
    named = Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path, named, stack)
        list(watch.loop.recovering())
        watch.judge(turns[:2])
        watch.loop.checkpoint()
        watch.judge(turns[2:4])
    named.name(versions[1])
    with ExitStack() as stack:
        again = Watch(tmp_path, named, stack)
        seen = [(seq, again.loop.champion) for seq in again.loop.recovering()]
        assert seen == [(3, None), (4, None)]
        assert again.loop.champion == "v2"
        assert again.state.load_checkpoint().seq == 4


def test_a_damaged_champion_is_refused_and_the_last_one_goes_on(tmp_path, turns, versions):
    """It is told once, tried again, and taken up once it is sound."""
    named = Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path, named, stack)
        list(watch.loop.recovering())
        named.name(StoreDamaged("its SHA-256 is another one"))
        end = time.monotonic() + PATIENCE_S
        while not named.refused and time.monotonic() < end:
            watch.loop.succeed()
        watch.judge(turns[:3])
        assert (named.refused, watch.loop.champion) == (["its SHA-256 is another one"], "v1")
        named.version = versions[1]
        watch.until_taken(named, "v2")


def test_what_is_damaged_at_the_start_does_not_end_watching(tmp_path, turns, versions):
    """With a state there is a last good model; without one, what to do is said."""
    named = Named(versions[0])
    with ExitStack() as stack:
        watch = Watch(tmp_path, named, stack)
        list(watch.loop.recovering())
        watch.judge(turns[:2])
        watch.loop.checkpoint()
    named.name(StoreDamaged("half of it"))
    with ExitStack() as stack:
        again = Watch(tmp_path, named, stack)
        list(again.loop.recovering())
        again.judge(turns[2:4])
        assert used(pl.concat(again.scores)) == {"host1"}
        assert named.refused == ["half of it"]


def test_the_version_that_judges_is_told(tmp_path, turns, versions):
    """In the status after a turn and as a metric; nothing where the watcher learns itself."""
    told = []
    with ExitStack() as stack:
        watch = Watch(tmp_path / "a", Named(versions[1]), stack)
        list(watch.loop.recovering())
        run(watch.loop, turns[:2], told)
        assert told == ["v2", "v2"]
        assert REGISTRY.value("boxwatch_champion_version") == 2
        alone = Watch(tmp_path / "b", Named(None), stack)
        list(alone.loop.recovering())
        run(alone.loop, turns[:1], told)
        assert told[-1] is None
        assert REGISTRY.value("boxwatch_champion_version") is None
