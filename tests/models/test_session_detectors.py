"""What every model of sessions promises: verdicts that are finite, stable and explained."""

import json

import numpy as np
import pytest
from tests.models import orders
from tests.models.orders import SWAPPED, USUAL, sequences

from boxwatch.errors import ModelError
from boxwatch.models import SessionModel

STRANGE = (*USUAL[:3], "panic", *USUAL[3:])


class Counts:
    """The counting model, given lines in order."""

    def __init__(self):
        self.model = SessionModel()

    def fit(self, lines):
        """Learn from their counts."""
        self.model.fit(lines.counted())

    def score(self, lines):
        """Judge by their counts."""
        return self.model.score(lines.counted())

    def reloaded(self):
        """The model after it was saved and loaded."""
        other = Counts()
        other.model = SessionModel.load(json.loads(json.dumps(self.model.save())))
        return other


class Order:
    """The model of order, trained small; skipped where it cannot be."""

    def __init__(self):
        reason = "the model of order needs boxwatch[deep]"
        for module in ("onnxruntime", "onnx", "torch"):
            pytest.importorskip(module, reason=reason)
        self.kind = pytest.importorskip("boxwatch.models.sequence").SequenceModel
        train = pytest.importorskip("boxwatch.models.sequence_training").train
        self.model = self.kind(train)

    def fit(self, lines):
        """Learn from them."""
        self.model.fit(lines)

    def score(self, lines):
        """Judge them."""
        return self.model.score(lines)

    def reloaded(self):
        """The model after it was saved and loaded."""
        other = Order()
        saved = self.model.save()
        meta = json.loads(json.dumps(dict(saved.meta)))
        other.model = self.kind.load(type(saved)(saved.arrays, meta))
        return other


@pytest.fixture(scope="module", params=[Counts, Order], ids=["counts", "sequence"])
def model(request):
    """Each model, fitted to two hundred sessions."""
    made = request.param()
    made.fit(sequences(*orders.ordinary()))
    return made


JUDGED = [USUAL, STRANGE, SWAPPED, USUAL[:4], ("panic",), USUAL * 30]


def test_verdicts_are_finite_and_p_values_are_shares(model):
    """One score, p-value and alarm a session, whatever it holds."""
    verdicts = model.score(sequences(*JUDGED))
    assert np.isfinite(verdicts.score).all()
    assert (verdicts.score >= 0).all()
    assert ((verdicts.p_value > 0) & (verdicts.p_value <= 1)).all()
    assert len(verdicts.score) == len(verdicts.p_value) == len(verdicts.alarm) == len(JUDGED)


def test_higher_is_stranger(model):
    """A line never seen makes a session stranger than it was, and p never rises with the score."""
    verdicts = model.score(sequences(*JUDGED))
    assert verdicts.score[1] > verdicts.score[0]
    by_score = verdicts.p_value[np.argsort(verdicts.score, kind="stable")]
    assert (np.diff(by_score) <= 0).all()


def test_alarms_and_only_they_have_reasons(model):
    """Who is told of something is told why."""
    verdicts = model.score(sequences(*JUDGED))
    assert verdicts.alarm[1]
    assert not verdicts.alarm[0]
    assert {row for row, texts in verdicts.reasons.items() if texts} == {
        *np.flatnonzero(verdicts.alarm).tolist()
    }


def test_a_session_is_judged_alone_as_among_others(model):
    """Neither company nor order of the sessions changes a verdict."""
    whole = model.score(sequences(*JUDGED)).score
    alone = [model.score(sequences(one)).score[0] for one in JUDGED]
    turned = model.score(sequences(*JUDGED[::-1])).score[::-1]
    assert whole.tolist() == pytest.approx(alone, abs=1e-4)
    assert whole.tolist() == pytest.approx(turned.tolist(), abs=1e-4)


def test_loaded_it_judges_the_same(model):
    """Through arrays and JSON, the verdicts and their reasons are equal."""
    verdicts, again = (one.score(sequences(*JUDGED)) for one in (model, model.reloaded()))
    assert again.score.tolist() == verdicts.score.tolist()
    assert again.p_value.tolist() == verdicts.p_value.tolist()
    assert again.reasons == verdicts.reasons


def test_no_sessions_no_verdicts(model):
    """Nothing to judge is no error."""
    assert len(model.score(sequences()).score) == 0


def test_too_few_sessions_are_refused(model):
    """A handful teaches nothing."""
    with pytest.raises(ModelError, match="too few"):
        type(model)().fit(sequences(*[USUAL] * 10))
