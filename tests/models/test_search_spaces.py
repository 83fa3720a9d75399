"""What may be tried of detectors is what they take, and they do their work with it."""

import inspect

import numpy as np
import pytest

from boxwatch.models import DETECTORS, SPACES, Choice

ROWS = np.random.default_rng(0).normal(0.0, 1.0, (800, 6)).astype(np.float32)
TRIED = [
    (detector, option, value)
    for detector, options in SPACES.items()
    for option, space in options.items()
    if not isinstance(space, Choice)
    for value in (space.low, space.high)
]


@pytest.mark.parametrize("detector", SPACES)
def test_options_are_what_the_constructor_takes_and_usual_what_it_takes_unasked(detector):
    """So that a study begins with the very detectors that are trained without one."""
    taken = inspect.signature(DETECTORS[detector].__init__).parameters
    options = {name: one.usual for name, one in SPACES[detector].items() if name != "used"}
    assert options == {name: taken[name].default for name in options}


@pytest.mark.parametrize(("detector", "option", "value"), TRIED)
def test_detectors_work_at_the_limits(detector, option, value):
    """What is far out scores higher than what is usual."""
    model = DETECTORS[detector](**{option: value})
    model.fit(ROWS, 0)
    far = model.score(np.full((5, 6), 6.0, np.float32))
    assert far.min() > np.median(model.score(ROWS))
    assert type(model).load(model.save()).score(ROWS).tobytes() == model.score(ROWS).tobytes()
