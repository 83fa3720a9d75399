"""The seam through which incidents leave: a Sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from boxwatch.incidents.incident import Incident


class Sink(Protocol):
    """Where incidents go. Delivery is at least once.

    After a crash the incidents since the last checkpoint are written again: whoever reads a sink
    keeps the newest record of each incident id.
    """

    def write(self, incidents: Sequence[Incident]) -> None:
        """Take incidents that are new or changed; may hold them until `flush`."""
        ...

    def flush(self) -> None:
        """Return once everything written is where it belongs.

        Raises:
            StoreError: it cannot be put there; what was written stays held for the next flush.

        """
        ...

    def close(self) -> None:
        """Flush and let go of files and terminals; a closed sink takes nothing more."""
        ...
