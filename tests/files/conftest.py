"""Shared by the tests of plain files: a log, and followers of it."""

import os

import pytest
from tests.files.following import Follower


@pytest.fixture
def follow(tmp_path):
    """Starts followers of the log folder."""
    started = []

    def start(position=None, pattern="*.log", **options):
        started.append(Follower([str(tmp_path / pattern)], position, **options))
        return started[-1]

    yield start
    for follower in started:
        follower.stop()


@pytest.fixture
def log(tmp_path):
    """The log that the tests write."""
    return tmp_path / "app.log"


@pytest.fixture
def open_files():
    """How many files this process has open."""
    return lambda: len(os.listdir("/proc/self/fd"))
