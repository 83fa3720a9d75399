"""Every model of the zoo keeps every promise, and is where the table of parts says."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
from tests.models.labelled import ShownFaults

from boxwatch import parts
from boxwatch.models import Saved, checks
from boxwatch.models.zoo import ZOO

PLAIN = [name for name, kind in ZOO.items() if kind.takes == "windows"]
KINDS = {**{name: parts.load(name) for name in PLAIN}, "random_forest": ShownFaults}
GROWING = ("robust_z", "pca", "mahalanobis", "nearest", "kmeans", "one_class_svm")


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_model_keeps_promise(kind, check):
    """Each model passes each check of the suite; a classifier with faults it made itself."""
    check(kind)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_row_alone_scores_nearly_to_the_bit(kind):
    """In 180 columns, a row scores the same alone as among 2,000 others."""
    x = np.random.default_rng(0).standard_normal((2000, 180)).astype(np.float32)
    model = kind()
    model.fit(x[:400], 1)
    alone = [float(model.score(x[row : row + 1])[0]) for row in range(0, 2000, 97)]
    assert np.allclose(alone, model.score(x)[::97], rtol=1e-6)


@pytest.mark.parametrize("name", GROWING)
def test_three_metrics_of_a_hundred_are_enough(name):
    """A jump in three of a hundred metrics scores above 95 % of ordinary rows."""
    kind = KINDS[name]
    rng = np.random.default_rng(1)
    causes = rng.standard_normal((1500, 6)) @ rng.standard_normal((6, 100))
    x = (causes + rng.standard_normal((1500, 100))).astype(np.float32)
    model = kind()
    model.fit(x[:1000], 1)
    faulty = x[1000:].copy()
    faulty[:, [3, 40, 77]] += 25.0
    usual = np.quantile(model.score(x[1000:]), 0.95)
    assert np.median(model.score(faulty)) > usual


@pytest.mark.parametrize("name", ZOO)
def test_zoo_is_in_the_table_of_parts(name):
    """What the zoo describes can be found by its name, without loading it."""
    module, _, kind = parts.MODELS[name].partition(":")
    assert importlib.util.find_spec(module) is not None
    assert module == f"boxwatch.models.{name}"
    assert kind


@pytest.mark.parametrize("name", [*PLAIN, "random_forest"])
def test_part_bears_its_name(name):
    """A loaded model names itself as the table does."""
    assert parts.load(name)().name == name


@pytest.mark.parametrize("name", [name for name, kind in ZOO.items() if kind.needs])
def test_what_needs_more_says_what(name):
    """The models that need an extra name it."""
    assert "boxwatch[deep]" in ZOO[name].needs


def test_models_that_need_only_numpy_load_only_numpy():
    """Loading them brings none of the heavy libraries."""
    names = [name for name, kind in ZOO.items() if not kind.needs]
    program = (
        f"import sys; from boxwatch import parts; [parts.load(name) for name in {names!r}]; "
        "print(*{m.split('.')[0] for m in sys.modules} & "
        "{'sklearn', 'scipy', 'onnx', 'onnxruntime', 'torch', 'lightning'})"
    )
    argv = [sys.executable, "-c", program]
    assert not subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_saved_under_another_name_is_refused(kind):
    """A model does not read what another one saved."""
    x = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    model = kind()
    model.fit(x, 1)
    saved = model.save()
    with pytest.raises(Exception, match="Expected a saved"):
        kind.load(Saved(saved.arrays, {**saved.meta, "model": "another"}))
