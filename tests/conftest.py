"""Shared by the tests of all rooms: real hosts to log in to, small devices, hanging commands."""

from contextlib import ExitStack

import pytest
from hypothesis import settings
from tests.testbed.device import NoDevice, small_device
from tests.testbed.icebox import make_icebox
from tests.testbed.sshd import Sshd, missing

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("boxwatch", deadline=None)
settings.load_profile("boxwatch")


@pytest.fixture
def sshd(tmp_path):
    """A real sshd of our own that the current user may log in to; see `tests/testbed/sshd.py`."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = Sshd(folder)
    server.start()
    yield server
    server.thaw()
    server.stop()


@pytest.fixture
def icebox():
    """A place where commands freeze so that nothing ends them; see `tests/testbed/icebox.py`."""
    made = make_icebox()
    if isinstance(made, str):
        pytest.skip(made)
    yield made
    made.remove()


@pytest.fixture
def device(request, tmp_path):
    """A folder on a file system of six megabytes, or as many as its parameter says."""
    with ExitStack() as stack:
        try:
            mib = getattr(request, "param", 6)
            made = stack.enter_context(small_device(tmp_path / "device", mib))
        except NoDevice as reason:
            pytest.skip(str(reason))
        yield made
