"""`boxwatch hosts`: added with a confirmed key, listed, checked, removed; wrong input is exact."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from boxwatch.cli.border import run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hosts(capsys):
    """Run `boxwatch hosts ...`; (status, standard output, standard error)."""

    def call(*arguments):
        status = run(["hosts", *map(str, arguments)])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def added(hosts, sshd):
    """A host `box` that was added."""
    fingerprint = sshd.fingerprint()
    more = ("--name", "box", "--key", sshd.key, "--accept-fingerprint", fingerprint)
    status, out, err = hosts("add", sshd.target, *more, "--json")
    assert status == 0, err
    return json.loads(out)


def test_a_host_is_added_with_what_was_found(added, sshd):
    """The settings hold it, Boxwatch's own known hosts its key, and the answer what it offers."""
    table = {"name": "box", "address": sshd.target, "key": str(sshd.key)}
    assert tomllib.loads(Path("boxwatch.toml").read_text())["hosts"] == [table]
    trusted = sshd.known_hosts.read_text().split()[:3]
    assert Path("known_hosts").read_text().split() == [*trusted, "added-by-boxwatch"]
    assert added["fingerprint"] == sshd.fingerprint()
    state = {one["name"]: one["state"] for one in added["capabilities"]}
    assert (state["ssh"], state["host"]) == ("ok", "ok")


def test_what_was_in_the_settings_stays(hosts, sshd):
    """Comments and other tables are as they were."""
    Path("boxwatch.toml").write_text("# mine\n[models]\nseed = 3\n")
    more = ("--key", sshd.key, "--accept-fingerprint", sshd.fingerprint())
    assert hosts("add", sshd.target, *more)[0] == 0
    assert Path("boxwatch.toml").read_text().startswith("# mine\n[models]\nseed = 3\n")


def test_without_confirmation_nothing_is_added(hosts, sshd):
    """Nobody at the terminal and no fingerprint given: the key is shown, and that is all."""
    status, _, err = hosts("add", sshd.target, "--key", sshd.key)
    assert (status, sshd.fingerprint() in err, "--accept-fingerprint" in err) == (2, True, True)
    assert not Path("boxwatch.toml").exists()
    assert not Path("known_hosts").exists()
    assert "Accepted" not in sshd.log.read_text()


def test_another_fingerprint_is_refused(hosts, sshd):
    """What was expected is not what the host shows."""
    more = ("--key", sshd.key, "--accept-fingerprint", "SHA256:other")
    status, _, err = hosts("add", sshd.target, *more)
    assert (status, "SHA256:other" in err) == (2, True)
    assert not Path("known_hosts").exists()


def test_a_key_that_changed_is_refused_even_with_its_fingerprint(hosts, added, sshd):
    """A key in place of one that was confirmed is never taken without a look at the file."""
    Path("boxwatch.toml").unlink()
    sshd.stop()
    sshd.change_host_key()
    sshd.start()
    more = ("--key", sshd.key, "--accept-fingerprint", sshd.fingerprint())
    status, _, err = hosts("add", sshd.target, *more)
    assert (status, "another host key than before" in err) == (3, True)


def test_a_login_that_is_denied_adds_nothing(hosts, sshd, tmp_path):
    """A key that the host does not know: the settings stay as they were."""
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    more = ("--key", key, "--accept-fingerprint", sshd.fingerprint())
    status, _, err = hosts("add", sshd.target, *more)
    assert (status, "ssh-copy-id" in err) == (3, True)
    assert not Path("boxwatch.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["box"], "does not begin with ssh://"),
        (["ssh://u@h:0"], "from 1 to 65535"),
        (["ssh://u:secret@h"], "only keys are used"),
        (["local", "--name", "a b"], "The name 'a b' is not allowed"),
    ],
)
def test_wrong_input_is_an_exact_error(hosts, arguments, words):
    """What is wrong, with what is allowed; status 2, and no secret in it."""
    status, _, err = hosts("add", *arguments)
    assert (status, words in err, "secret" in err) == (2, True, False)


def test_a_name_or_address_is_taken_once(hosts, added, sshd):
    """Another host of the same name, and the same host under another name."""
    more = ("--key", sshd.key)
    assert "already" in hosts("add", "local", "--name", "box")[2]
    assert "watched already, as 'box'" in hosts("add", sshd.target, *more, "--name", "other")[2]


def test_this_machine_can_be_added(hosts):
    """It needs no key and no confirmation."""
    assert hosts("add", "local", "--name", "me")[0] == 0
    assert tomllib.loads(Path("boxwatch.toml").read_text())["hosts"] == [
        {"name": "me", "address": "local"}
    ]


def test_hosts_are_listed(hosts, added, sshd):
    """With their files as they are meant."""
    (row,) = json.loads(hosts("list", "--json")[1])
    assert (row["name"], row["address"], row["key"]) == ("box", sshd.target, str(sshd.key))
    assert "box" in hosts("list")[1]


def test_without_hosts_the_list_says_what_is_watched(hosts):
    """This machine alone."""
    assert "this machine alone" in hosts("list")[1]
    assert json.loads(hosts("list", "--json")[1]) == []


def test_a_check_ends_with_3_where_a_host_cannot_be_reached(hosts, added, sshd):
    """And with 0 where all can."""
    assert hosts("check")[0] == 0
    sshd.stop()
    status, out, _ = hosts("check", "box", "--json")
    assert (status, [one["state"] for one in json.loads(out)]) == (3, ["failing"])


def test_a_check_of_an_unknown_host_is_an_error(hosts, added):
    """The known ones are named."""
    status, _, err = hosts("check", "bax")
    assert (status, "known: 'box'" in err) == (2, True)


def test_a_host_is_removed_with_its_key(hosts, added):
    """It is out of the settings and its key out of the file; there is nothing left to remove."""
    status, out, _ = hosts("remove", "box")
    assert (status, "host key is no longer in" in " ".join(out.split())) == (0, True)
    assert "hosts" not in tomllib.loads(Path("boxwatch.toml").read_text())
    assert Path("known_hosts").read_text() == ""
    assert hosts("remove", "box")[0] == 2


KEY = "[gpu1]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHgpu"
OURS = f"{KEY} added-by-boxwatch\n"
HOST = '[[hosts]]\nname = "{}"\naddress = "ssh://{}@gpu1:2222"\n[hosts.labels]\nrack = "{}"\n'


@pytest.mark.parametrize(
    "others", [f"{KEY}\n", f"{KEY} mine\n", "gpu1 ssh-ed25519 A added-by-boxwatch\n"]
)
def test_keys_that_others_wrote_stay(hosts, others):
    """Of the file, only the line that was written for this host goes."""
    Path("boxwatch.toml").write_text(HOST.format("a", "me", 7))
    Path("known_hosts").write_text(f"# mine\n{OURS}{others}")
    status, out, _ = hosts("remove", "a", "--json")
    assert (status, Path("known_hosts").read_text()) == (0, f"# mine\n{others}")
    assert json.loads(out)["known_hosts"].endswith("known_hosts")


def test_key_stays_while_another_host_is_reached_by_it(hosts):
    """Two accounts on one machine share its key."""
    Path("boxwatch.toml").write_text(HOST.format("a", "me", 7) + HOST.format("b", "you", 8))
    Path("known_hosts").write_text(OURS)
    assert hosts("remove", "a")[0] == 0
    assert Path("known_hosts").read_text() == OURS
    assert hosts("remove", "b")[0] == 0
    assert Path("known_hosts").read_text() == ""


def test_hosts_are_listed_by_their_labels(hosts):
    """Those that have all the labels asked for; a label without a value is refused."""
    Path("boxwatch.toml").write_text(HOST.format("a", "me", 7) + HOST.format("b", "you", 8))
    _, out, _ = hosts("list", "--label", "rack=8", "--json")
    assert [row["name"] for row in json.loads(out)] == ["b"]
    _, out, _ = hosts("list", "--label", "rack=8", "--label", "row=1")
    assert "No host has these labels" in out
    assert hosts("list", "--label", "rack")[0] == 2
