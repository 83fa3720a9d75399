"""The network of order: what counts cannot see, in words; trained small, scored without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.models import orders
from tests.models.orders import SWAPPED, USUAL, sequences

from boxwatch.errors import ModelError
from boxwatch.models import Saved, SessionModel

pytest.importorskip("onnxruntime", reason="scoring order needs onnxruntime (boxwatch[deep])")
pytest.importorskip("torch", reason="training a network needs torch (boxwatch[deep])")
pytest.importorskip("onnx", reason="writing a network needs onnx (boxwatch[deep])")

from boxwatch.models.sequence import SequenceModel
from boxwatch.models.sequence_training import train


@pytest.fixture(scope="module")
def model():
    """A model that has learned two hundred sessions."""
    made = SequenceModel(train)
    made.fit(sequences(*orders.ordinary()))
    return made


def test_swapped_lines_are_an_alarm_and_counts_cannot_see_them(model):
    """The same lines in another order: the counting model finds nothing, this one does."""
    judged = sequences(USUAL, SWAPPED)
    counts = SessionModel()
    counts.fit(sequences(*orders.ordinary()).counted())
    assert counts.score(judged.counted()).alarm.tolist() == [False, False]
    assert model.score(judged).alarm.tolist() == [False, True]


def test_the_reason_says_what_was_expected_and_what_came(model):
    """After which line, which one was expected and how surely, and which it was."""
    (first, *_) = model.score(sequences(SWAPPED)).reasons[0]
    assert first.startswith("after 'open' the next line was expected to be 'read' (")
    assert first.endswith("%), was 'write'")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ((*USUAL[:3], "panic", *USUAL[3:]), "'panic' was never seen before"),
        (USUAL[:3], "nothing comes after 'check'"),
        (("sync", *USUAL), "at the beginning the next line was expected to be 'open'"),
    ],
    ids=["a new line", "it stops half way", "a wrong beginning"],
)
def test_other_strange_sessions_are_said_in_words(model, order, said):
    """What was never seen, what ends too early, what begins otherwise."""
    verdicts = model.score(sequences(order, USUAL))
    assert verdicts.alarm.tolist() == [True, False]
    assert any(reason.startswith(said) for reason in verdicts.reasons[0])


def test_a_session_that_has_only_begun_is_no_alarm(model):
    """Two seconds before the end of the log, nothing has had the time to come."""
    assert not model.score(sequences(USUAL[:3], left=2.0)).alarm.any()


def test_the_same_seed_gives_the_same_network(model):
    """Learned again from the same sessions, the graph is the same, byte for byte."""
    again = SequenceModel(train)
    again.fit(sequences(*orders.ordinary()))
    assert again.save().arrays["graph"].tobytes() == model.save().arrays["graph"].tobytes()


def test_failures_in_the_training_logs_do_no_harm():
    """In two of a hundred training sessions lines were swapped: they are an alarm still."""
    made = SequenceModel(train)
    made.fit(sequences(*orders.ordinary(196), *[SWAPPED] * 4))
    assert made.score(sequences(USUAL, SWAPPED)).alarm.tolist() == [False, True]


def test_sessions_with_nothing_in_common_teach_nothing():
    """Where every session says something of its own, there is no order, and no alarm for each."""
    made = SequenceModel(train)
    made.fit(sequences(*[(f"only {number}",) for number in range(100)]))
    verdicts = made.score(sequences(*[(f"only {number}",) for number in range(100)]))
    assert np.isfinite(verdicts.score).all()
    assert not verdicts.alarm.any()


def test_without_a_way_to_train_it_cannot_learn():
    """The error says what to install."""
    with pytest.raises(ModelError) as caught:
        SequenceModel().fit(sequences(*orders.ordinary()))
    assert "boxwatch[deep]" in caught.value.hint


@pytest.mark.parametrize("damaged", ["graph", "patience", "ends", "grid"])
def test_a_damaged_model_is_refused(model, damaged):
    """An array that is missing or cut short is an error that says so."""
    saved = model.save()
    for kept in ({}, {damaged: saved.arrays[damaged][None, :-1]}):
        arrays = {name: one for name, one in saved.arrays.items() if name != damaged} | kept
        with pytest.raises(ModelError, match="saved"):
            SequenceModel.load(Saved(arrays, saved.meta))


SCORING = """
import json, sys
import numpy as np
from boxwatch.models import Saved
from boxwatch.models.sequence import SequenceModel
from boxwatch.models.sequences import Sequences

with open(sys.argv[1] + "/model.json") as file:
    meta = json.load(file)
with np.load(sys.argv[1] + "/model.npz", allow_pickle=False) as arrays:
    model = SequenceModel.load(Saved(dict(arrays), meta))
lines = Sequences(meta["names"], np.array([0, 2]), np.array([0, 1]), np.zeros(2), np.zeros(1))
print(float(model.score(lines).score[0]), any(name.startswith("torch") for name in sys.modules))
"""


def test_scoring_imports_no_torch(model, tmp_path):
    """Saved as arrays and JSON, loaded elsewhere: the same score, and torch is not there."""
    saved = model.save()
    np.savez(tmp_path / "model.npz", **saved.arrays)
    (tmp_path / "model.json").write_text(json.dumps(dict(saved.meta)))
    program = [sys.executable, "-W", "ignore", "-c", SCORING, str(tmp_path)]
    out = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    score, torch = out.split()
    names = saved.meta["names"]
    assert float(score) == pytest.approx(
        float(model.score(sequences(names[:2])).score[0]), abs=1e-5
    )
    assert torch == "False"
