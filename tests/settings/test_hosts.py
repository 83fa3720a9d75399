"""The hosts of the settings: addresses, names, files, and what is wrong with them."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.errors import SettingError
from boxwatch.settings import load, read_address


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def hosts(text):
    """The settings of a file with `text`."""
    Path("boxwatch.toml").write_text(text)
    return load(environ={})


ONE = '[[hosts]]\nname = "box"\naddress = "{}"\n'


def test_without_hosts_there_are_none():
    """No hosts means this machine alone, as ever."""
    assert load(environ={}).hosts == ()


def test_a_host_has_everything_that_was_written():
    """Name, address, files, sources and labels come through."""
    text = ONE.format("ssh://me@there:2222") + 'key = "k"\nsources = ["journald"]\n'
    (host,) = hosts(text + '[hosts.labels]\nrack = "7"\n').hosts
    assert (host.name, host.key, host.sources) == ("box", Path("k"), ("journald",))
    assert (host.local, host.labels) == (False, {"rack": "7"})


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("ssh://me@there", ("me", "there", 22)),
        ("ssh://me@there:2222", ("me", "there", 2222)),
        ("ssh://me@[fe80::1]:2222", ("me", "fe80::1", 2222)),
        ("ssh://there/", ("", "there", 22)),
    ],
)
def test_an_address_has_its_parts(address, parts):
    """User, host and port are read, and written again mean the same."""
    found = read_address(address)
    assert (found.user, found.host, found.port) == parts
    assert read_address(str(found)) == found


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("me@there", "begin with ssh://"),
        ("ssh://me@", "names no host"),
        ("ssh://me@-oProxyCommand=x", "names no host"),
        ("ssh://-me@there", "no name of a user"),
        ("ssh://me@there:0", "from 1 to 65535"),
        ("ssh://me@there:65536", "from 1 to 65535"),
        ("ssh://me@there:", "from 1 to 65535"),
        ("ssh://me@there:x", "from 1 to 65535"),
        ("ssh://me@there/folder", "something follows"),
        ("ssh://me:secret@there", "holds a password"),
        ("ssh://there", "must name a user"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(address, why):
    """The message names the host, the file and the reason, and no password."""
    with pytest.raises(SettingError, match=why) as caught:
        hosts(ONE.format(address))
    assert "hosts.0.address" in str(caught.value)
    assert "boxwatch.toml" in str(caught.value)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_address_or_a_clear_error(text):
    """No text makes reading an address fail in another way."""
    for given_ in (text, f"ssh://{text}", f"ssh://me@{text}"):
        with contextlib.suppress(SettingError):
            assert 1 <= read_address(given_).port <= 65535


def test_names_are_given_once():
    """Two hosts of one name are an error."""
    with pytest.raises(SettingError, match="a name of its own"):
        hosts(ONE.format("ssh://a@b") + ONE.format("ssh://a@c"))


def test_this_machine_is_watched_once():
    """Two hosts that are both this machine are an error."""
    with pytest.raises(SettingError, match=r'only one host can be "local"'):
        hosts(ONE.format("local") + ONE.format("local").replace("box", "other"))


def test_an_unknown_key_of_a_host_suggests_the_right_one():
    """A slip of the pen is named, with what was meant."""
    with pytest.raises(SettingError, match=r"Did you mean 'hosts\.0\.address'"):
        hosts(ONE.format("local") + 'adress = "local"\n')


def test_an_unknown_source_of_a_host_says_which_there_are():
    """The allowed sources are listed."""
    with pytest.raises(SettingError, match="a list of journald, docker, nvidia"):
        hosts(ONE.format("local") + 'sources = ["journal"]\n')


@pytest.mark.parametrize("variable", ["BOXWATCH_HOSTS", "BOXWATCH_HOSTS__0__NAME"])
def test_the_environment_holds_no_hosts(variable):
    """Hosts stand in the file alone, and a variable says so."""
    with pytest.raises(SettingError, match="only in the settings file"):
        load(environ={variable: "box"})
    (row,) = [row for row in load(environ={}).rows() if row.path == "hosts"]
    assert row.env == ""


def test_files_of_a_host_are_meant_beside_the_settings():
    """A relative file is beside the settings file, `~` is home, and known hosts have a place."""
    Path("etc").mkdir()
    Path("etc/box.toml").write_text(ONE.format("ssh://a@b"))
    settings = load(Path("etc/box.toml"), environ={})
    assert settings.known_hosts(settings.hosts[0]) == Path("etc/known_hosts")
    assert settings.beside_file(Path("keys/id")) == Path("etc/keys/id")
    assert settings.beside_file(Path("~/id")) == Path.home() / "id"
