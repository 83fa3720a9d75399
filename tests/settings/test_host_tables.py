"""Hosts are written into a settings file and taken out again; nothing else in it changes."""

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.errors import SettingError
from boxwatch.settings.host_tables import host_table, replace_file, with_host, without_host

FILE = """\
# Mine.
[models]
seed = 3  # lucky

# The first one.
[[hosts]]
name = "a"
address = "ssh://u@a"  # in the cellar
[hosts.labels]
rack = "1"

# The second one.
[[hosts]]
name = "b"
address = "ssh://u@b"
sources = [
    "host",
]

# Where it goes.
[data]
folder = "x"
"""
HOST = {"name": "c", "address": "ssh://u@c", "key": '/k "1"'}


@pytest.mark.parametrize("text", ["", "[models]\nseed = 1", FILE])
def test_a_host_is_added_at_the_end(text):
    """All that stood there stays as it was, comments too."""
    changed = with_host(text, HOST)
    assert changed.startswith(text)
    assert tomllib.loads(changed)["hosts"][-1] == HOST


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_host_is_taken_out_alone(name):
    """Its table goes with its labels; every other line stays."""
    changed = without_host(FILE, name)
    assert [host["name"] for host in tomllib.loads(changed)["hosts"]] == [
        "b" if name == "a" else "a"
    ]
    for line in ("# Mine.", "seed = 3  # lucky", "# The second one.", "# Where it goes.", "[data]"):
        assert line in changed.splitlines()
    assert ("rack" in changed) == (name == "b")


def test_added_and_taken_out_again_is_as_before():
    """The way there and back leaves no trace."""
    assert without_host(with_host(FILE, HOST), "c").rstrip() == FILE.rstrip()


def test_a_host_that_is_not_there_cannot_be_taken_out():
    """The message lists those that are."""
    with pytest.raises(SettingError, match="'nobody'; there are 'a', 'b'"):
        without_host(FILE, "nobody")


@pytest.mark.parametrize(
    "text", ['hosts = [{name = "a", address = "local"}]\n', 'x = """\n[[hosts]]\nname = "a"\n"""\n']
)
def test_a_file_in_another_style_is_left_alone(text):
    """What cannot be changed safely is refused with what to write by hand."""
    with pytest.raises(SettingError):
        without_host(text, "a")
    if text.startswith("hosts"):
        with pytest.raises(SettingError, match="by hand"):
            with_host(text, HOST)


@given(
    st.dictionaries(
        st.sampled_from(["name", "key"]), st.text(st.characters(exclude_categories=["C"]))
    )
)
def test_any_printable_text_can_be_written(values):
    """What is written is what is read."""
    assert tomllib.loads(host_table(values))["hosts"] == [values]


def test_a_file_is_replaced_with_its_permissions(tmp_path):
    """A closed file stays closed, a link stays a link, and nothing else is left beside it."""
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    replace_file(link, "new")
    assert (link.is_symlink(), real.read_text(), real.stat().st_mode & 0o777) == (
        True,
        "new",
        0o600,
    )
    assert sorted(os.listdir(tmp_path)) == ["link.toml", "real.toml"]
