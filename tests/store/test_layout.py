"""The data folder: names that cannot escape, and versions that cannot be mistaken."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boxwatch.errors import StoreDamaged, StoreTooNew
from boxwatch.store import EventStore
from boxwatch.store.database import Database
from boxwatch.store.layout import path_name
from boxwatch.store.migrations import STEPS

SAFE = set(string.ascii_letters + string.digits + "_-.~%")


@given(st.one_of(st.none(), st.text()))
@example("../x")
@example("a/b")
@example("")
@example(".")
@example("x" * 5000)
@example("\0")
def test_a_name_is_one_harmless_path_component(name):
    """Whatever a host is called, its folder is one plain component that a file system takes."""
    encoded = path_name(name)
    assert encoded
    assert set(encoded) <= SAFE
    assert not encoded.startswith(".")
    assert len(encoded) <= 200


@given(st.sets(st.text(max_size=300), min_size=2, max_size=8))
def test_different_names_have_different_folders(names):
    """No two hosts share a folder."""
    assert len({path_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("host", ["../x", "a/b", "", "..", "/etc", "ü\n"])
def test_a_strange_host_stays_inside_the_store(store, make_events, noon, host):
    """A host named like a path is stored under the events folder and found by its name."""
    store.append(make_events(hosts=(host,)), noon, {})
    (path,) = store.layout.events.glob("logs/*/*/*.parquet")
    assert path.resolve().is_relative_to(store.layout.events.resolve())
    assert store.logs(host=host).collect().height == 4


def test_a_newer_format_is_refused(store, root):
    """A folder of a newer program is left alone; both versions are named."""
    store.close()
    (root / "format.json").write_text('{"format": 7}')
    with pytest.raises(StoreTooNew, match=r"format 7.*up to 1.*newer Boxwatch"):
        EventStore.open(root, writable=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "1"}', '{"format": true}', "\xff"])
def test_a_damaged_format_is_refused(store, root, text):
    """A version that cannot be told is damage, with the way to repair it."""
    store.close()
    (root / "format.json").write_text(text, encoding="latin-1")
    with pytest.raises(StoreDamaged, match="boxwatch repair"):
        EventStore.open(root, writable=True)


def test_a_missing_format_is_damage_where_there_are_records(store, root):
    """Only an unused folder is taken over without a version."""
    store.close()
    (root / "format.json").unlink()
    with pytest.raises(StoreDamaged, match="missing"):
        EventStore.open(root, writable=True)


def test_a_folder_with_raw_artifacts_only_is_taken_over(root):
    """What `collect` wrote before the store existed is no obstacle."""
    (root / "ingested" / "gpu").mkdir(parents=True)
    with EventStore.open(root, writable=True) as store:
        assert store.head().seq == 0


def test_a_newer_database_is_refused(store, root):
    """A newer schema version is refused and left as it is."""
    store.close()
    database = Database(root / "state.db", writable=True)
    database.connection.execute("PRAGMA user_version = 99")
    database.close()
    for writable in (True, False):
        with pytest.raises(StoreTooNew, match=rf"version 99.*up to {len(STEPS)}"):
            EventStore.open(root, writable=writable)
