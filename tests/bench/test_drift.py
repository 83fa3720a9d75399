"""The bench of drift checks draws what it says, and measures it."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.bench import BenchOptions
from boxwatch.bench.drift import KINDS, run, stationary


@pytest.mark.parametrize("alike", KINDS.values())
def test_rows_are_as_alike_as_they_should_be(alike):
    """Of variance 1, and neighbours correlate by what was asked."""
    values = stationary(alike, 200_000, 2, seed=1)
    assert np.var(values) == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(values[0, 1:], values[0, :-1])[0, 1] == pytest.approx(alike, abs=0.01)


def test_a_quick_look_names_speed_and_false_checks(tmp_path):
    """One check of each kind of 1,000 rows, none of them false; the time is measured."""
    figures = {one.name: one for one in run(BenchOptions(tmp_path, size=1)).figures}
    false = [one for name, one in figures.items() if name.startswith("false checks")]
    assert [one.value for one in false] == [0.0] * len(KINDS)
    (check,) = [one for name, one in figures.items() if name.startswith("check of 100 features")]
    assert check.value > 0
