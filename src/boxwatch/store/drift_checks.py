"""Checks for drift that were made, as rows of state.db."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

DRIFT_CHECK: Final = """
SELECT at_us, report ->> 'version', report ->> 'kind', report ->> 'priority',
    json_array_length(report, '$.moved'), report
FROM drift_checks ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """One check: when, of which version, what it came to; `report` is all of it, as JSON."""

    at: datetime
    version: str
    kind: str
    priority: str | None
    moved: int
    report: str
