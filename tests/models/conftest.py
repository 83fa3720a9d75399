"""Properties are about what holds, not about how fast it was shown on a busy machine."""

from __future__ import annotations

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("models", deadline=None)
settings.load_profile("models")


@pytest.fixture(autouse=True)
def one_thread():
    """Peers on one thread: on small data their threads mostly wait for each other."""
    with threadpool_limits(1):
        yield
