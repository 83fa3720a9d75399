"""What drift means, by what moved and what it cost."""

from __future__ import annotations

import pytest

from boxwatch.lifecycle.drift import meaning


@pytest.mark.parametrize(
    ("moved", "qualities", "kind", "priority"),
    [
        (False, [], "none", None),
        (False, [0.9, 0.89], "none", None),
        (True, [], "data drift", "P2"),
        (True, [0.9, 0.9], "data drift", "P3"),
        (True, [0.9, 0.88], "data drift", "P2"),
        (True, [0.9, 0.84], "data drift", "P1"),
        (True, [0.9, 0.7], "data drift", "P0"),
        (False, [0.9, 0.9, 0.84], "concept drift", "P1"),
        (False, [0.9, 0.7], "concept drift", "P0"),
        (False, [0.9, 0.85, 0.8, 0.75, 0.7], "model decay", "P0"),
    ],
)
def test_kind_and_priority(
    moved: bool, qualities: list[float], kind: str, priority: str | None
) -> None:
    """Moved inputs are data drift; quality lost without them is a new concept or slow decay."""
    found = meaning(inputs_moved=moved, qualities=qualities)
    assert (found.kind, found.priority) == (kind, priority)


def test_the_loss_is_relative_to_the_baseline() -> None:
    """From 0.8 to 0.6 is a quarter."""
    assert meaning(inputs_moved=False, qualities=[0.8, 0.6]).loss == pytest.approx(0.25)
