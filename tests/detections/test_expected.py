"""A window is held back while it is as a person expects it, and no stranger."""

from __future__ import annotations

from datetime import timedelta

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detections import made

from boxwatch.detections import Detection, Expected, Kind, Reason, Severity, expectation

FAR = 1e-9


def finding(*reasons: Reason, kind: Kind = Kind.UNUSUAL) -> Detection:
    """A finding about the host with these reasons."""
    return Detection(
        "box", "host", made.at(0), made.at(9), False, kind, "host-unusual", Severity.MEDIUM, reasons
    )


def part(feature: str, value: float | None, share: float = 1.0, usual: float | None = 0.2):
    """What a window says of one feature."""
    return {"feature": feature, "share": share, "value": value, "usual": usual, "text": ""}


def held(*parts: dict, window: int = 5, **other: str) -> bool:
    """Whether such a window is held back where the processor was expected at 0.7."""
    expected = Expected()
    busy = Reason("", "host", "busy", share=1.0, value=0.7, usual=0.2)
    rule = expectation(finding(busy), made.at(3), made.at(8))
    assert rule is not None
    expected.rules = [rule]
    text = orjson.dumps(list(parts)).decode()
    scores = made.scores([FAR] * 10).with_columns(
        pl.lit(text).alias("contributions"), *(pl.lit(v).alias(k) for k, v in other.items())
    )
    return expected.hold(scores)["p_value"][window] == 1.0


@pytest.mark.parametrize(
    ("value", "as_expected"), [(0.7, True), (0.4, True), (0.79, True), (0.9, False), (0.0, False)]
)
def test_the_level_counts(value, as_expected):
    """As far from usual or nearer, on the same side; not clearly farther, not the other side."""
    assert held(part("busy", value)) is as_expected


def test_another_feature_is_told():
    """Where something else explains the score too, the window is not as expected."""
    assert not held(part("memory", 0.9))
    assert not held(part("busy", 0.7, 0.6), part("memory", 0.9, 0.4))
    assert held(part("busy", 0.7, 0.9), part("memory", 0.9, 0.1))


def test_an_unknown_value_is_told():
    """A feature that cannot be read is on no level."""
    assert not held(part("busy", None))
    assert not held(part("busy", 0.7, usual=None))


@pytest.mark.parametrize("other", [{"host": "else"}, {"entity": "gpu:0"}, {"view": "gpu"}])
def test_only_its_own_entity_is_held_back(other):
    """Another host, another entity, another view of it: told."""
    assert not held(part("busy", 0.7), **other)


def test_it_is_expected_from_the_label_until_its_end():
    """Windows that ended before, or end after, are told."""
    assert [held(part("busy", 0.7), window=window) for window in (1, 2, 3, 7, 8)] == [
        False, False, True, True, False,
    ]  # fmt: skip


def test_what_has_no_level_makes_no_rule():
    """Known failures, findings in lines, and numbers that nobody wrote down."""
    busy = Reason("", "host", "busy", value=0.7, usual=0.2)
    until = made.START + timedelta(days=1)
    assert expectation(finding(busy, kind=Kind.KNOWN), made.START, until) is None
    assert expectation(finding(Reason("", "host", "busy")), made.START, until) is None


@given(st.floats(0.01, 1.19), st.floats(-100, 100), st.floats(0.1, 100))
def test_units_are_of_no_account(share, usual, step):
    """Nearer to usual is as expected, whatever the feature's zero and unit."""
    reason = Reason("", "host", "busy", value=usual + step, usual=usual)
    rule = expectation(finding(reason), made.at(0), made.at(9))
    assert rule is not None
    assert rule.covers([part("busy", usual + share * step, usual=usual)])
