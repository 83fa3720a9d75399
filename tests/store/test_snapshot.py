"""A snapshot gives back exactly what was packed, or says that it cannot."""

import math
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal

from boxwatch.errors import StoreDamaged, StoreTooNew, UsageError
from boxwatch.events.schema import SAMPLES, empty
from boxwatch.store import pack, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_plain_values_come_back(parts):
    """Numbers of any size, null, nested lists and dicts are what they were."""
    assert unpack(pack(parts)) == parts


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_dims=3)))
def test_arrays_come_back_bit_for_bit(array):
    """Type, shape and every byte survive."""
    found = unpack(pack({"a": array}))["a"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_frames_come_back():
    """Types, nulls, times, lists and categories survive, in a frame without rows too."""
    frame = pl.DataFrame(
        {
            "time": [datetime(2026, 1, 1, tzinfo=UTC), None],
            "list": [[1.5, None], []],
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
        }
    )
    found = unpack(pack({"f": frame, "none": empty(SAMPLES)}))
    assert_frame_equal(found["f"], frame)
    assert_frame_equal(found["none"], empty(SAMPLES))


def test_numbers_that_json_does_not_know():
    """NaN and the infinities are not turned into null, also beside a null."""
    found = unpack(pack({"x": [math.nan, math.inf, -math.inf, None]}))["x"]
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, None]


@pytest.mark.parametrize(
    "part",
    [{1: 2}, datetime(2026, 1, 1, tzinfo=UTC), {1, 2}, b"x", np.array([object()]), {2**70, 1}],
)
def test_what_would_not_come_back_is_refused(part):
    """A part that would change on the way is named instead of packed."""
    with pytest.raises(UsageError, match="'wrong'"):
        pack({"wrong": part})


def test_any_flipped_byte_is_noticed():
    """Wherever one byte differs, the snapshot is refused."""
    packed = pack({"a": np.arange(3), "j": {"x": None}})
    for place in range(len(packed)):
        broken = bytearray(packed)
        broken[place] ^= 0x01
        with pytest.raises(StoreDamaged):
            unpack(bytes(broken))


@given(st.binary(max_size=60))
def test_anything_else_is_refused(noise):
    """Bytes that are no snapshot are damage, whatever they are."""
    with pytest.raises(StoreDamaged):
        unpack(noise)


def test_a_truncated_snapshot_is_refused():
    """Every shorter beginning is damage."""
    packed = pack({"a": [1, 2]})
    for length in range(len(packed)):
        with pytest.raises(StoreDamaged):
            unpack(packed[:length])


def test_a_newer_snapshot_is_refused(monkeypatch):
    """A snapshot of a newer program is whole but cannot be read."""
    monkeypatch.setattr("boxwatch.store.snapshot._MAGIC", b"BWSNAP2\n")
    packed = pack({"a": 1})
    monkeypatch.undo()
    with pytest.raises(StoreTooNew, match="newer Boxwatch"):
        unpack(packed)
