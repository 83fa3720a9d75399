"""What pip and make see of the project."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)


def canonical(name):
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements():
    """Every requirement of the core and the extras."""
    for group in (PROJECT["dependencies"], *EXTRAS.values()):
        yield from (Requirement(text) for text in group)


def test_every_requirement_has_a_lower_bound():
    """Bare names once made a resolver choose releases that were years old."""
    for one in requirements():
        if one.name != PROJECT["name"]:
            operators = {specifier.operator for specifier in one.specifier}
            assert operators & {">=", "=="}, str(one)


def test_all_is_every_extra_but_dev():
    """`boxwatch[all]` brings everything a user can use."""
    (everything,) = [Requirement(text) for text in EXTRAS["all"]]
    assert everything.name == PROJECT["name"]
    assert everything.extras == EXTRAS.keys() - {"all", "dev"}


def test_the_compromised_releases_cannot_be_installed():
    """Two releases of lightning carried malware."""
    (lightning,) = [one for one in requirements() if one.name == "lightning"]
    assert "2.6.2" not in lightning.specifier
    assert "2.6.3" not in lightning.specifier
    assert "2.6.6" in lightning.specifier


def test_pins_satisfy_the_requirements():
    """Each pinned version is one that the project accepts."""
    pins = {canonical(name): version for name, version in PINS.items()}
    tested = (*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["deep"], *EXTRAS["lifecycle"])
    for one in map(Requirement, tested):
        assert pins[canonical(one.name)] in one.specifier, str(one)
    assert pins["torch"] == "2.13.0"


def test_pins_are_names_and_versions_only():
    """No address of a registry, no path, no hash."""
    for name, version in PINS.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert re.fullmatch(r"[0-9][0-9A-Za-z.]*", version)


def test_the_installed_version_is_the_projects():
    """What is tested is this project, not an older copy of it."""
    assert importlib.metadata.version("boxwatch") == PROJECT["version"]


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_make_can_plan(target, tmp_path):
    """The rules of a target fit together: make can say what it would run."""
    plan = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path}/venv", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert plan.returncode == 0, plan.stderr
    assert f"{tmp_path}/venv" in plan.stdout or target == "check"


def test_make_installs_the_extras_that_are_asked_for(tmp_path):
    """Other extras are another installation, into the same environment."""
    plan = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path}/venv", "EXTRAS=dev,deep", "test"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'.[dev,deep]'" in plan.stdout
    assert "dev,deep.stamp" in plan.stdout


def test_make_says_which_python_is_missing(tmp_path):
    """Without a new enough Python, make names the packages to install."""
    told = subprocess.run(
        ["make", "PYTHON=no-such-python", f"VENV={tmp_path}/venv", f"{tmp_path}/venv/python.stamp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "apt-get install python3 python3-venv" in told.stderr


def test_make_says_how_to_get_ensurepip(tmp_path):
    """A Python that cannot make environments gets the name of its Debian package."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec python3 "$@"\n')
    python.chmod(0o755)
    told = subprocess.run(
        ["make", f"PYTHON={python}", f"VENV={tmp_path}/venv", f"{tmp_path}/venv/python.stamp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"apt-get install python3\.\d+-venv", told.stderr)
    assert not (tmp_path / "venv").exists()
