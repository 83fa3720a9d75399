"""How far a process got that writes a data folder, seen from outside."""

from boxwatch.errors import StoreError
from boxwatch.store import EventStore


def head(data):
    """How many batches are stored; 0 where there is no store yet."""
    try:
        with EventStore.open(data, writable=False) as store:
            return store.head().seq
    except StoreError:
        return 0


def at_work(data, pid):
    """Whether the process has opened its data folder for writing: its number is in the lock."""
    lock = data / "lock"
    return lock.exists() and lock.read_text().strip() == str(pid)
