"""What the labels of people say to expect."""

from __future__ import annotations

from collections.abc import Sequence

from boxwatch.detections.expected import Expectation, expectation
from boxwatch.incidents.incident import Incident, Opinion


def expectations(incidents: Sequence[Incident]) -> list[Expectation]:
    """The rules that the incidents make that are labelled expected.

    A rule holds from the instant at which the label was given: judging the same time again after a
    crash holds back the same windows.
    """
    return [
        rule
        for incident in incidents
        if (label := incident.label) is not None
        and label.opinion is Opinion.EXPECTED
        and label.until is not None
        for found in incident.detections
        if (rule := expectation(found, label.at, label.until)) is not None
    ]
