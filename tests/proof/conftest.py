"""A site of small hosts, where this machine can make them."""

import shutil
import tempfile
from pathlib import Path

import pytest

from boxwatch.bench.chaos.containers import load_image
from boxwatch.bench.hosts import Site
from boxwatch.errors import EnvironmentFault


@pytest.fixture(scope="module")
def site():
    """An empty site; skips where the machine can make none."""
    folder = Path(tempfile.mkdtemp(prefix="boxwatch-site-", dir="/var/tmp"))
    try:
        made = Site(folder)
    except EnvironmentFault as error:
        shutil.rmtree(folder)
        pytest.skip(f"small hosts cannot be made here: {error}")
    with made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def add(site):
    """Adds a host by name; skips where it does not come up."""

    def added(name, *, containers=False):
        try:
            host = site.add(name, containers=containers)
            if containers:
                load_image(host)
        except EnvironmentFault as error:
            pytest.skip(f"small hosts do not come up here: {error}")
        return host

    return added
