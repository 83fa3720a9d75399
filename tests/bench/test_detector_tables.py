"""Labelled tables: read, measured by one configuration, and told with the peers beside."""

from __future__ import annotations

import math

import numpy as np
import pytest

from boxwatch.bench.detectors.accuracy import Tally
from boxwatch.bench.detectors.existing import row_scores, seen_before
from boxwatch.bench.detectors.tables import SETS, paths, read
from boxwatch.errors import UsageError

ASD = SETS[1]


def table(rows, seed):
    """Three metrics of a server with a course."""
    rng = np.random.default_rng(seed)
    load = np.sin(np.arange(rows) / 40) + 0.1 * rng.standard_normal(rows)
    return np.column_stack([load, 2 * load, rng.random(rows)]).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of data sets with two machines of one kind, each with one plain fault."""
    folder = tmp_path_factory.mktemp("sets")
    (folder / "metrics" / "asd").mkdir(parents=True)
    (folder / "metrics" / "interpretation").mkdir()
    for number in (10, 2):
        test, label = table(900, number), np.zeros(900, np.uint8)
        test[500:540, 1], label[500:540] = 9.0, 1
        file = folder / "metrics" / "asd" / f"omi-{number}.npz"
        np.savez(file, train=table(1500, number + 1), test=test, label=label)
        reasons = folder / "metrics" / "interpretation" / f"omi-{number}.txt"
        reasons.write_text("500-539:2\n")
    return folder


@pytest.fixture(scope="module")
def tally(folder):
    """Both machines, measured beside a peer that knows nothing."""
    tally = Tally(ASD)
    for path in paths(folder, ASD, None):
        tally.add(path, {"blind peer": np.random.default_rng(0).random(900)}, 0)
    return tally


def test_files_come_by_their_numbers_and_no_more_than_asked(folder):
    """omi-2 comes before omi-10."""
    assert [path.stem for path in paths(folder, ASD, None)] == ["omi-2", "omi-10"]
    assert len(paths(folder, ASD, 1)) == 1


def test_what_is_missing_is_said(folder):
    """Without a folder, or a set in it, there is an error that says where to get it."""
    with pytest.raises(UsageError, match="--data-sets DIR"):
        paths(None, ASD, None)
    with pytest.raises(UsageError, match="There is no SMD"):
        paths(folder, SETS[0], None)


def test_reasons_are_read_with_metrics_from_zero(folder):
    """`500-539:2` is the second metric."""
    machine = read(paths(folder, ASD, 1)[0])
    assert machine.truth == [(500, 539, frozenset({1}))]
    assert machine.train.dtype == np.float64


def test_a_plain_fault_is_found_by_every_figure(tally):
    """VUS-PR high, the event found, its metric named, the peer far behind."""
    figures = {figure.name: figure for figure in tally.figures("")}
    volume = figures["ASD: VUS-PR, mean of 2"]
    assert volume.value > 0.6
    assert volume.peer == "blind peer"
    assert volume.ratio > 2
    assert figures["ASD: event recall at 1/day"].value == 1.0
    assert figures["ASD: a labelled metric among the first three"].value == 1.0
    assert all(math.isfinite(figure.value) for figure in figures.values())


def test_machines_for_choosing_are_told_from_those_for_checking(tally):
    """Each machine is in one of the two means."""
    names = [figure.name for figure in tally.figures("")]
    assert "ASD: VUS-PR, mean of 2, machines chosen by" in names
    assert "ASD: VUS-PR, mean of 2, machines only checked" in names


def test_rows_alone_are_scored_by_each_detector():
    """Each detector and baseline has one finite score a row."""
    scores = row_scores(table(500, 0).astype(float), table(200, 1).astype(float), 0)
    assert {"random", "max |z|", "robust_z", "pca", "combined by p-value"} <= set(scores)
    assert all(np.isfinite(one).all() and one.shape == (200,) for one in scores.values())


def test_repeated_rows_are_counted():
    """The share of test rows that training holds, value for value."""
    train = table(100, 0).astype(float)
    assert seen_before(train, np.vstack([train[:5], train[:5] + 1])) == 0.5
