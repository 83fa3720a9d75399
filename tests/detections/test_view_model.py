"""The model of a view: saved whole, and sure of no more than it has seen."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detections import made

from boxwatch.detections import ViewModel, load_view_model
from boxwatch.detections.learning import fit
from boxwatch.store import load_model, pack, save_model, unpack

FIRST = "robust_z"
KEYS = ["box\0host", "box\0other"]


@pytest.fixture(scope="module")
def model() -> ViewModel:
    """A model of two entities, of enough windows for every detector."""
    x = made.ordinary(4000).astype(np.float32)
    x[1::2] += 0.3
    return fit(made.SMALL, x, np.arange(4000, dtype=np.int32) % 2, KEYS, 0)


def sample() -> tuple[np.ndarray, np.ndarray]:
    """Windows of every kind: ordinary, far away, unknown; of both entities and a stranger."""
    x = made.ordinary(300, seed=5)
    x[::7] *= 4.0
    x[::11, 1] = np.nan
    return x, np.arange(300) % 3 - 1


def score(model, x, entity):
    """Raw scores and p-values."""
    return model.score(model.see(x, entity))


def assert_alike(one: ViewModel, other: ViewModel) -> None:
    """Bit-identical scores, p-values and contributions, and the same name."""
    x, entity = sample()
    for mine, theirs in zip(score(one, x, entity), score(other, x, entity), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    for name in one.detectors:
        mine, theirs = (m.shares(name, m.see(x, entity), np.arange(300)) for m in (one, other))
        assert np.array_equal(mine, theirs)
    assert (one.version, one.windows, one.entities) == (other.version, other.windows, KEYS)


def test_it_has_joint_detectors(model):
    """So much history is enough for all of them."""
    assert len(model.detectors) > 1


def test_saved_on_disk_it_is_the_same_model(model, tmp_path):
    """Through the files of the model folder, bit by bit."""
    version = save_model(tmp_path, model.save())
    assert_alike(model, load_view_model(made.SMALL, load_model(tmp_path, version)))


def test_saved_in_a_snapshot_it_is_the_same_model(model):
    """Through the arrays and the JSON of a checkpoint, bit by bit."""
    saved = model.save()
    arrays = unpack(pack(saved.arrays))
    meta = unpack(pack({"meta": dict(saved.meta)}))["meta"]
    assert_alike(model, load_view_model(made.SMALL, type(saved)(arrays, meta)))


def test_the_same_windows_make_the_same_model(model):
    """Fitting is deterministic in the windows and the seed."""
    x = made.ordinary(4000).astype(np.float32)
    x[1::2] += 0.3
    again = fit(made.SMALL, x, np.arange(4000, dtype=np.int32) % 2, KEYS, 0)
    assert_alike(model, again)


def test_a_window_scores_the_same_alone(model):
    """What else is judged in the same turn plays no part."""
    x, entity = sample()
    raw, p = score(model, x, entity)
    for row in range(0, 300, 23):
        one, level = score(model, x[row : row + 1], entity[row : row + 1])
        assert all(one[name][0] == raw[name][row] for name in raw)
        assert all(level[name][0] == p[name][row] for name in p)


def test_joint_models_claim_no_more_than_their_history(model):
    """Twelve hundred held-out windows cannot show one in a million."""
    _, p = score(model, made.ordinary(10) * 1e6, np.zeros(10, np.int64))
    for name in model.detectors:
        least = min(one.fit_report().windows for one in model.calibrators[name].values())
        if name != FIRST:
            assert p[name].min() >= 0.1 / (least + 1)


@pytest.mark.parametrize("windows", [3, 6, 60])
def test_a_short_history_is_enough_to_begin(windows):
    """Half a minute of windows, or less: p-values are chances, and far is stranger than near."""
    x = made.ordinary(windows).astype(np.float32)
    young = fit(made.SMALL, x, np.zeros(windows, np.int32), KEYS[:1], 0)
    _, p = score(young, np.vstack([made.ordinary(1), made.ordinary(1) + 5]), np.zeros(2, np.int64))
    assert 0 < p["combined"][1] < p["combined"][0] <= 1


def test_strange_windows_are_stranger_the_farther_they_are(model):
    """The p-value falls as one feature moves away, without a step back."""
    x = np.repeat(np.array([made.USUAL]), 40, axis=0)
    x[:, 0] += np.linspace(0, 3, 40)
    _, p = score(model, x, np.zeros(40, np.int64))
    assert (np.diff(p[FIRST]) <= 0).all()
    assert p[FIRST][-1] < 1e-6
