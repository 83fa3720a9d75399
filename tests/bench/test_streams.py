"""Single metrics as they come."""

from __future__ import annotations

import numpy as np
import pytest

from boxwatch.bench.detectors.streams import as_it_comes, first_of_an_occasion, series


def metric(rows=900, jump=700):
    """Noise that jumps for a while."""
    values = np.random.default_rng(0).standard_normal(rows)
    values[jump : jump + 20] += 12.0
    return values


def test_a_jump_is_strangest_and_later_rows_change_nothing():
    """Each row is judged by its past alone."""
    values = metric()
    scores = as_it_comes(values, 0)
    assert 700 <= int(scores.argmax()) < 735
    other = values.copy()
    other[720:] = 99.0
    assert as_it_comes(other, 0)[:720] == pytest.approx(scores[:720])
    assert not scores[:100].any()


def test_one_occasion_is_reported_once():
    """What follows soon after a score as high is not reported again."""
    scores = np.array([0.0, 1.0, 3.0, 2.0, 3.0, 4.0] + [0.0] * 200 + [1.0])
    first = first_of_an_occasion(scores)
    assert np.flatnonzero(first).tolist() == [1, 2, 5, 206]


def test_a_file_is_read_with_its_windows(tmp_path):
    """Windows are instants in the labels and rows here, first and last included."""
    start = np.datetime64("2014-02-14T14:30:00")
    values = metric(400, jump=300)
    lines = [
        f"{str(start + np.timedelta64(5 * row, 'm')).replace('T', ' ')},{value}"
        for row, value in enumerate(values)
    ]
    file = tmp_path / "cpu.csv"
    file.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    windows = [["2014-02-15 15:30:00.000000", "2014-02-15 17:05:00.000000"]]
    assert series(file, windows, 0).windows == [(300, 319)]
