"""Shared by the tests of the models."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    """Peers on one thread: on small data their threads mostly wait for each other."""
    with threadpool_limits(1):
        yield
