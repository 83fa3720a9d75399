"""What an installation weighs: requirements followed, files counted."""

import sys

import pytest

from boxwatch.bench.installed import holds, required, sizes
from boxwatch.errors import EnvironmentFault

VERSION = ".".join(str(part) for part in sys.version_info[:2])


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with requirements and one module of a size on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(name, *requires, size=10):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {text}" for text in requires]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        (folder / "RECORD").write_text(f"{name}.py,,\ngone.py,,\n")
        (tmp_path / f"{name}.py").write_bytes(b"#" * size)

    return add


def test_requirements_are_followed(install):
    """Those of requirements too, each once, in circles as well."""
    install("alpha", "beta>=1", "gamma (>=1.0,<2)")
    install("beta", "gamma")
    install("gamma", "alpha")
    assert sorted(required("alpha")) == ["alpha", "beta", "gamma"]


def test_extras_are_left_out_unless_asked_for(install):
    """An extra of the whole counts not, one that a requirement asks for does."""
    install("alpha", 'delta; extra == "all"', "beta[fast]")
    install("beta", 'gamma; extra == "fast"', 'delta; extra == "slow"')
    install("gamma")
    assert sorted(required("alpha")) == ["alpha", "beta", "gamma"]


def test_names_are_compared_as_registries_do(install):
    """Case, dots and underscores make no difference."""
    install("alpha", "Beta_X")
    install("beta_x")
    assert required("alpha") == ["alpha", "beta-x"]


def test_sizes_are_of_files_that_are_there(install):
    """The heaviest first; a file that was removed weighs nothing."""
    install("alpha", "beta", size=100)
    install("beta", size=2000)
    assert sizes("alpha") == {"beta": 2000, "alpha": 100}


def test_a_missing_requirement_is_an_error(install):
    """A sum without it would be wrong."""
    install("alpha", "no-such-distribution")
    with pytest.raises(EnvironmentFault, match="no-such-distribution"):
        required("alpha")


def test_boxwatch_itself_can_be_weighed():
    """Polars is in it, PyTorch is not, and no file list is empty by mistake."""
    found = sizes("boxwatch")
    assert "torch" not in found
    assert found["polars"] > 1e6
    assert found["boxwatch"] > 1e5


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("", True),
        (f'python_version == "{VERSION}"', True),
        (f'python_version < "{VERSION}"', False),
        ('python_version >= "3.9"', True),
        ("python_version >= '3.11.0'", True),
        ('sys_platform == "win32"', False),
        ('sys_platform != "win32" and python_version >= "3"', True),
        ('(sys_platform == "win32" or os_name == "posix") and extra == ""', True),
        ('extra == "dev"', False),
        ('"linux" in sys_platform', sys.platform == "linux"),
        ('sys_platform not in "win32 cygwin"', True),
        ("python_version ~= '3.8'", True),
    ],
)
def test_markers(marker, expected):
    """Versions compare as numbers, the rest as text; what cannot be read counts."""
    assert holds(marker) is expected


def test_an_extra_that_is_asked_for_holds():
    """The name must be the same."""
    assert holds('extra == "fast"', "fast")
    assert not holds('extra == "fast"', "slow")
