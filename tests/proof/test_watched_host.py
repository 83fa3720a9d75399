"""What a host that was watched over SSH looks like afterwards: as before."""

import pytest

from boxwatch.bench.watched_cost import traces


@pytest.fixture(scope="module")
def found(site, add):
    """The traces of a short watch."""
    return traces(site, add("quiet"), watched_s=2, settled_s=2)


def test_nothing_is_written_there(found):
    """No file where a login could leave one."""
    assert found.files_left == []


def test_no_process_stays(found):
    """The login and all it started have ended."""
    assert found.processes_left == []


def test_it_was_watched(found):
    """There was a login with readers, and it cost something."""
    assert any("journalctl" in command for command in found.processes)
    assert found.memory_mb > 0
    assert found.session_percent > 0
