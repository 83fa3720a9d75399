"""Networks over courses of readings: trained small, saved without pickle, scored without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from boxwatch.errors import ModelError
from boxwatch.models import Saved, checks
from boxwatch.models.lags import lagged

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime (boxwatch[deep])")
pytest.importorskip("torch", reason="training a network needs torch (boxwatch[deep])")
pytest.importorskip("lightning", reason="training a network needs lightning (boxwatch[deep])")
pytest.importorskip("onnx", reason="writing a network needs onnx (boxwatch[deep])")

from boxwatch.models.lstm_autoencoder import LstmAutoencoder
from boxwatch.models.lstm_forecaster import LstmForecaster
from boxwatch.models.reading_training import train

STEPS = 8
UPDATES = 250
DETECTORS = [LstmAutoencoder, LstmForecaster]


def small(detector):
    """`detector` as the conformance suite can make it: six columns are three steps of two."""

    class Small(detector):
        def __init__(self, trains=train, steps=3, updates=5):
            super().__init__(trains, steps, updates)

    return Small


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_detector_keeps_promise(detector, check):
    """Each passes each check of the suite."""
    check(small(detector))


def waves(rows, seed=0):
    """Three metrics that follow one wave, each later than the one before, and a little noise."""
    rng = np.random.default_rng(seed)
    phase = np.arange(rows)[:, None] / 4.0 + np.array([0.0, 1.0, 2.0])
    return (np.sin(phase) + 0.05 * rng.standard_normal((rows, 3))).astype(np.float32)


@pytest.fixture(scope="module", params=DETECTORS, ids=lambda detector: detector.name)
def model(request):
    """A model that has learned 1,000 rows of waves."""
    made = request.param(train, steps=STEPS, updates=UPDATES)
    made.fit(lagged(waves(1000), STEPS), 0)
    return made


def test_a_course_never_seen_is_strange_though_each_reading_is_usual(model):
    """A wave that stands still, in its range, scores above 99 % of ordinary rows."""
    ordinary = model.score(lagged(waves(500, 1), STEPS))
    broken = waves(500, 1)
    broken[200:220, 1] = broken[199, 1]
    score = model.score(lagged(broken, STEPS))
    assert score[200:220].max() > np.quantile(ordinary, 0.99)


def test_the_metric_that_is_off_explains_it(model):
    """Summed over steps, the metric that jumped has the greatest contribution."""
    broken = waves(100, 2)
    broken[60, 2] += 4.0
    parts = model.contributions(lagged(broken, STEPS))[60].reshape(STEPS, 3).sum(axis=0)
    assert parts.argmax() == 2


def test_the_same_seed_gives_the_same_network(model):
    """Learned again from the same rows, the graph is the same, byte for byte."""
    again = type(model)(train, steps=STEPS, updates=UPDATES)
    again.fit(lagged(waves(1000), STEPS), 0)
    assert again.save().arrays["graph"].tobytes() == model.save().arrays["graph"].tobytes()


def test_what_torch_learned_the_graph_knows(model):
    """Run as ONNX, the network is off by less than a quarter of the readings' spread.

    Gates in another order, or weights transposed, would leave it no better than the mean.
    """
    saved = model.save().arrays
    assert saved["usual"].max() < 0.25 * saved["range"][3].min()


def test_loaded_it_scores_as_before(model):
    """From the bytes of the graph, to the bit."""
    rows = lagged(waves(64, 3), STEPS)
    assert np.array_equal(type(model).load(model.save()).score(rows), model.score(rows))


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_without_a_way_to_train_it_cannot_learn(detector):
    """The error says what to install."""
    with pytest.raises(ModelError) as caught:
        detector(steps=STEPS).fit(lagged(waves(300), STEPS), 0)
    assert "boxwatch[deep]" in caught.value.hint


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_columns_that_are_no_steps_are_refused(detector):
    """The error says how rows are made."""
    with pytest.raises(ModelError, match="no whole number of them"):
        detector(train, steps=STEPS).fit(np.zeros((300, 9), np.float32), 0)


def test_the_network_of_another_model_is_refused(model):
    """A graph that reads other metrics than its model is damage."""
    other = type(model)(train, steps=STEPS, updates=1)
    other.fit(lagged(waves(300)[:, :2], STEPS), 0)
    saved = model.save()
    mixed = {**saved.arrays, "graph": other.save().arrays["graph"]}
    with pytest.raises(ModelError, match="another than its model's"):
        type(model).load(Saved(mixed, saved.meta))


SCORING = """
import json, sys
import numpy as np
from boxwatch import parts
from boxwatch.models import Saved

folder, name = sys.argv[1:]
meta = json.loads(open(f"{folder}/model.json").read())
with np.load(f"{folder}/model.npz", allow_pickle=False) as arrays:
    model = parts.load(name).load(Saved(dict(arrays), meta))
score = model.score(np.full((1, 24), 0.5, np.float32))[0]
print(float(score), any(name.startswith(("torch", "lightning")) for name in sys.modules))
"""


def test_scoring_imports_no_torch(model, tmp_path):
    """Saved as arrays and JSON, loaded elsewhere: the same score, and torch is not there."""
    saved = model.save()
    np.savez(tmp_path / "model.npz", **saved.arrays)
    (tmp_path / "model.json").write_text(json.dumps(dict(saved.meta)))
    program = [sys.executable, "-W", "ignore", "-c", SCORING, str(tmp_path), model.name]
    run = partial(subprocess.run, capture_output=True, text=True, check=True)
    score, torch = run(program).stdout.split()
    here = float(model.score(np.full((1, 24), 0.5, np.float32))[0])
    assert float(score) == pytest.approx(here, rel=1e-5)
    assert torch == "False"
