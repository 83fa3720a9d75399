"""What of a data folder cannot be read: told, never passed over in silence."""

from __future__ import annotations

from boxwatch import pulse
from boxwatch.store import EventStore


def tell_damage(store: EventStore) -> None:
    """One line for each file of `store` that was found damaged; the rest of it is intact."""
    for damaged in store.damage():
        pulse.emit(pulse.PartFailed(part="store", error=str(damaged)))
