"""A saved model is what it was or is refused; loading runs nothing."""

import numpy as np
import pytest

from boxwatch.errors import ModelError, StoreDamaged, StoreError
from boxwatch.models.detector import Saved
from boxwatch.store import load_model, model_versions, save_model


@pytest.fixture
def saved():
    """A small model with awkward names."""
    arrays = {
        "../mean": np.arange(4, dtype=np.float32),
        "": np.zeros((0, 3)),
        "names": np.array(["a", "ü"]),
    }
    return Saved(arrays=arrays, meta={"detector": "pca", "seed": 3, "limit": float("inf")})


def test_a_model_comes_back(tmp_path, saved):
    """Arrays and meta are what was saved; nothing lies outside the folder."""
    found = load_model(tmp_path / "gpu", save_model(tmp_path / "gpu", saved))
    assert found.meta == saved.meta
    assert found.arrays.keys() == saved.arrays.keys()
    for name, array in saved.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["gpu"]


def test_the_version_is_the_content(tmp_path, saved):
    """The same model has one version, another model another."""
    first = save_model(tmp_path, saved)
    assert save_model(tmp_path, saved) == first
    second = save_model(tmp_path, Saved(saved.arrays, {**saved.meta, "seed": 4}))
    assert model_versions(tmp_path) == [first, second]


def test_a_changed_array_is_refused(tmp_path, saved):
    """A flipped byte in an array is refused with the file and both hashes."""
    version = save_model(tmp_path, saved)
    path = tmp_path / version / "0000.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"0000\.npy.*SHA-256"):
        load_model(tmp_path, version)


def test_a_changed_manifest_is_refused(tmp_path, saved):
    """The manifest cannot be made to fit other arrays."""
    version = save_model(tmp_path, saved)
    path = tmp_path / version / "manifest.json"
    path.write_text(path.read_text().replace("pca", "pcb"))
    with pytest.raises(StoreDamaged, match=r"manifest\.json"):
        load_model(tmp_path, version)


def test_a_missing_array_is_refused(tmp_path, saved):
    """A model that is not whole is not loaded."""
    version = save_model(tmp_path, saved)
    (tmp_path / version / "0001.npy").unlink()
    with pytest.raises(StoreDamaged, match=r"0001\.npy"):
        load_model(tmp_path, version)


@pytest.mark.parametrize("version", ["0" * 16, "", "..", "../x"])
def test_an_unknown_version_is_said_to_be_none(tmp_path, saved, version):
    """The versions that exist are named."""
    known = save_model(tmp_path / "gpu", saved)
    with pytest.raises(StoreError, match=known):
        load_model(tmp_path / "gpu", version)


def test_objects_are_refused(tmp_path):
    """An array of Python objects could only be pickled."""
    with pytest.raises(ModelError, match="'weights'"):
        save_model(tmp_path, Saved({"weights": np.array([object()])}, {}))
    assert model_versions(tmp_path) == []


def test_meta_must_be_json(tmp_path):
    """What JSON does not hold is refused before anything is written."""
    with pytest.raises(ModelError, match="meta"):
        save_model(tmp_path, Saved({}, {"when": object()}))
    assert list(tmp_path.iterdir()) == []
