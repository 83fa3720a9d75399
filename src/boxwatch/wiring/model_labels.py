"""What people said of the alarms of one version."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from boxwatch.incidents import Opinion
from boxwatch.store import Run, StateStore


def labels_of(data: Path, run: Run) -> dict[str, int]:
    """How many incidents with an alarm of the version were called what; only opinions met."""
    mine = {f"{view}-{artifact}" for view, artifact in run.parts.items()}
    with StateStore.open(data) as store:
        counts = Counter(
            one.opinion
            for one in store.incidents()
            if any(found.model_version in mine for found in one.detections)
        )
    return {str(said): counts[said] for said in Opinion if counts[said] > 0}
