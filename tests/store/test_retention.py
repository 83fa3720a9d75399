"""Retention removes whole days, oldest first, and keeps the account of batches true."""

from datetime import timedelta

import pytest

from boxwatch.errors import StoreError
from boxwatch.store import EventStore, Retained


def days(store: EventStore) -> set[str]:
    """The days that have a folder."""
    return {path.name.removeprefix("date=") for path in store.layout.events.glob("*/date=*")}


@pytest.fixture
def week(store, fill):
    """Seven days of three batches each, the first on 1 March."""
    for day in range(7):
        fill(store, 3, days=day)
    return store


def test_without_limits_nothing_goes(week, noon):
    """None means no limit."""
    assert week.retain(None, None, noon + timedelta(days=900)).bytes_removed == 0
    assert len(list(week.batches())) == 21


def test_days_beyond_the_age_go(week, noon):
    """Two days of age keep today and the two days before."""
    gone = week.retain(2, None, noon + timedelta(days=6))
    assert gone.too_old == ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")
    assert days(week) == {"2026-03-05", "2026-03-06", "2026-03-07"}


def test_the_oldest_days_go_until_the_rest_fits(week, noon):
    """By size, days go from the oldest on and no further than needed."""
    whole = week.retain(None, None, noon).bytes_left
    gone = week.retain(None, whole // 2, noon + timedelta(days=6))
    assert gone.too_much == ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")
    assert gone.bytes_left <= whole // 2
    assert gone.bytes_left + gone.bytes_removed == whole


def test_today_and_later_always_stay(week, noon):
    """No limit removes the day of `now`, nor one that a wrong clock put after it."""
    week.retain(0, 0, noon + timedelta(days=5))
    assert days(week) == {"2026-03-06", "2026-03-07"}


def test_batches_without_rows_are_forgotten(week, noon):
    """The batches of removed days are gone; the numbers go on."""
    week.retain(2, None, noon + timedelta(days=6))
    assert [batch.seq for batch in week.batches()] == list(range(13, 22))
    assert week.append(next(week.batches()).events, noon, {}) == 22


def test_the_head_stays_when_everything_goes(week, root, noon):
    """Positions and numbers outlive all events."""
    week.retain(1, None, noon + timedelta(days=100))
    assert days(week) == set()
    week.close()
    with EventStore.open(root, writable=True) as again:
        assert again.head().positions == {"s": {"n": 21}}
        assert again.head().seq == 21
        assert [batch.events.rows for batch in again.batches()] == [0]


def test_an_unfinished_removal_ends_at_the_next_start(week, root):
    """A day that was on its way out is not seen again."""
    week.close()
    day = week.layout.day("logs", "2026-03-01")
    day.rename(day.with_name("removing-2026-03-01"))
    with EventStore.open(root, writable=True) as again:
        assert [batch.events.logs.height for batch in again.batches(0, until=4)] == [0, 0, 0, 4]
    assert not list(week.layout.events.glob("*/removing-*"))


def test_quarantine_goes_with_its_day(store, noon, make_quarantine, make_events):
    """Records that were not understood are kept as long as the others."""
    events = make_events()
    object.__setattr__(events, "quarantined", make_quarantine(3))
    store.append(events, noon, {})
    store.retain(1, None, noon + timedelta(days=9))
    assert list(store.layout.quarantine.iterdir()) == []
    assert store.quarantine() == {}


def test_only_the_writer_removes(store, root, noon):
    """A store opened for reading refuses."""
    with EventStore.open(root, writable=False) as reader, pytest.raises(StoreError):
        reader.retain(1, None, noon)


def test_an_empty_store_retains_nothing(store, noon):
    """There is nothing to remove, and that is no error."""
    assert store.retain(1, 1, noon) == Retained()
