"""One recording for all tests of the loop, and what is found in it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.live import recorded

from boxwatch.incidents import Incident
from boxwatch.live import Pipeline
from boxwatch.live.state import flatten
from boxwatch.store import pack

MINUTES = (1, 15, 25, 36)  # while it learns, within one fault, within both, after them


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> recorded.Recording:
    """Two boxes: one with a storm of processes, one whose card falls off the bus."""
    return recorded.record(tmp_path_factory.mktemp("recording"))


@dataclass(frozen=True)
class Undisturbed:
    """What one uninterrupted pipeline says in turns of a minute, and its state on the way.

    `states` are (minute, what had been said of each incident, the state as bytes).
    """

    incidents: dict[str, Incident]
    states: dict[int, tuple[dict[str, Incident], bytes]]


@pytest.fixture(scope="session")
def undisturbed(recording) -> Undisturbed:
    """Judged once, and saved while it learned, within the faults and after them."""
    pipeline, said, states = Pipeline(), {}, {}
    for minute, turn in enumerate(recording.turns(60), 1):
        said |= recorded.judged(pipeline, [turn])
        if minute in MINUTES:
            states[minute] = (dict(said), pack(flatten(pipeline.save())))
    return Undisturbed(said, states)
