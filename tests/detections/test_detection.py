"""A detection as a record, as a row, and in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.detections import (
    DETECTIONS,
    Detection,
    Kind,
    Reason,
    Severity,
    from_frame,
    from_record,
    to_frame,
    to_record,
)
from boxwatch.detections.explanation import contributions, describe
from boxwatch.features import Direction, Feature

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
REASONS = st.builds(
    Reason,
    text=TEXT,
    entity=TEXT,
    metric=TEXT,
    event_id=st.none() | st.integers(0, 2**64 - 1),
    share=st.none() | st.floats(0, 1),
)
FOUND = st.builds(
    Detection,
    host=TEXT,
    entity=TEXT,
    start=INSTANTS,
    end=INSTANTS,
    open=st.booleans(),
    kind=st.sampled_from(Kind),
    name=TEXT,
    severity=st.sampled_from(Severity),
    reasons=st.lists(REASONS, max_size=3).map(tuple),
    p_value=st.none() | st.floats(0, 1),
    model_version=TEXT,
)


@given(FOUND)
def test_a_record_holds_all_of_it(found):
    """Through JSON and back: the same finding under the same id."""
    back = from_record(json.loads(json.dumps(to_record(found))))
    assert back == found
    assert back.id == found.id


@given(st.lists(FOUND, max_size=4))
def test_a_table_holds_all_of_them(findings):
    """As rows and back, in the same order, in the declared columns."""
    frame = to_frame(findings)
    assert dict(frame.schema) == dict(DETECTIONS)
    assert from_frame(frame) == findings
    assert frame["id"].to_list() == [found.id for found in findings]


@given(FOUND, INSTANTS)
def test_a_finding_keeps_its_identity_while_it_grows(found, later):
    """What was found, where, and when it began make the id; how long it lasts does not."""
    assert found.grown(later, still_open=False).id == found.id


def test_severities_are_ordered():
    """From a note to a page."""
    ranks = [Severity(name).rank for name in ("info", "low", "medium", "high", "critical")]
    assert ranks == [0, 1, 2, 3, 4]


def feature(unit: str, direction: Direction = Direction.HIGH) -> Feature:
    """A feature with this unit and direction."""
    return Feature("x", unit, direction, 1.0, 1.0, "what it is")


@pytest.mark.parametrize(
    ("unit", "value", "usual", "spread", "says"),
    [
        ("ratio", 0.98, 0.04, 0.02, "what it is: 98 % where 4 % ± 2 % is usual"),
        ("celsius", 91.0, 60.0, 3.0, "what it is: 91 °C where 60 °C ± 3 °C is usual"),
        ("sqrt", 20.0, 2.0, 1.0, "what it is: 400 where 4 ± 1 is usual"),
        ("log", np.log1p(1000.0), 0.0, 0.5, "what it is: 1e+03 where 0 ± 0.5 is usual"),
        ("", 12.5, 0.5, 0.25, "what it is: 12.5 where 0.5 ± 0.25 is usual"),
        ("ratio", np.nan, 0.04, 0.02, "what it is: unknown where 4 % is usual"),
        ("ratio", 0.9, np.nan, 0.02, "what it is: 90 % where unknown ± 2 % is usual"),
    ],
)
def test_a_feature_is_told_in_its_own_terms(unit, value, usual, spread, says):
    """Percent, degrees, and counts without the roots and logarithms that models like."""
    assert describe(feature(unit), value, usual, spread) == says


def test_context_is_told_as_context():
    """It explains the others and is no fault itself."""
    said = describe(feature("ratio", Direction.CONTEXT), 0.9, 0.2, 0.1)
    assert said == "what it is: 90 % (usually 20 %)"


def test_the_largest_share_comes_first_and_small_ones_are_left_out():
    """A person reads what explains the score."""
    features = tuple(feature("ratio") for _ in range(4))
    shares = np.array([1.0, 6.0, 0.01, 3.0], np.float32)
    parts = contributions(features, shares, np.ones(4), np.zeros(4), np.ones(4))
    assert [part["share"] for part in parts] == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)


def test_a_score_of_nothing_has_no_explanation():
    """Where no feature adds anything, nothing is said."""
    none = np.zeros(2, np.float32)
    assert contributions((feature(""), feature("")), none, *[np.ones(2)] * 3) == []
