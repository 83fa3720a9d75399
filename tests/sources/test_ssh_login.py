"""Logging in: keys alone, host keys always checked, and every refusal says what to do."""

import asyncio
import socket
import subprocess

import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import Login
from boxwatch.sources.ssh_connection import connect
from boxwatch.sources.ssh_trust import ask_host_key, trust

LONG = 60.0


def login(sshd, **changes):
    """How to log in to `sshd`, but for `changes`."""
    known = {"host": "127.0.0.1", "port": sshd.port, "user": sshd.user, "connect_s": LONG}
    return Login(**{**known, "keys": (sshd.key,), "known_hosts": sshd.known_hosts, **changes})


def refusal(attempt):
    """The error of a login that must fail."""
    with pytest.raises(SourceError) as caught:
        asyncio.run(_log_in(attempt))
    assert caught.value.hint
    return caught.value


async def _log_in(attempt):
    connection = await connect(attempt)
    connection.abort()
    await connection.wait_closed()


def shown(sshd, tmp_path):
    """The key that `sshd` shows, against its file of known hosts and an empty one."""
    nothing = tmp_path / "nothing"
    return asyncio.run(ask_host_key("127.0.0.1", sshd.port, sshd.known_hosts, nothing))


def test_a_known_host_lets_us_in(sshd):
    """Key file, user and known host: no more is needed."""
    asyncio.run(_log_in(login(sshd)))


@pytest.mark.parametrize("content", [None, "", "[127.0.0.1]:1 ssh-ed25519 AAAA\n", "# nothing\n"])
def test_an_unknown_host_is_refused_with_its_fingerprint(sshd, tmp_path, content):
    """No file, an empty one, one with other hosts: never accepted, and the message helps."""
    file = tmp_path / "known"
    if content is not None:
        file.write_text(content)
    error = refusal(login(sshd, known_hosts=file))
    assert error.state == "denied"
    assert sshd.fingerprint() in error.message
    assert str(file) in error.message
    assert "boxwatch hosts add" in error.hint


def test_a_changed_host_key_is_refused(sshd):
    """The new fingerprint and the file are named, and that somebody may be in between."""
    sshd.stop()
    sshd.change_host_key()
    sshd.start()
    error = refusal(login(sshd))
    assert (error.state, "CHANGED" in error.message) == ("denied", True)
    assert sshd.fingerprint() in error.message
    assert "in between" in error.hint


def test_a_revoked_host_key_is_refused(sshd):
    """A key marked as revoked is not trusted, whatever else stands there."""
    line = sshd.known_hosts.read_text()
    sshd.known_hosts.write_text(f"{line}@revoked {line}")
    assert refusal(login(sshd)).state == "denied"


def test_a_file_of_known_hosts_that_cannot_be_read_refuses(sshd, tmp_path):
    """A folder in its place is no empty file."""
    assert "known hosts" in refusal(login(sshd, known_hosts=tmp_path)).message


def test_a_key_that_the_host_does_not_know_is_denied(sshd, tmp_path):
    """The message names the user and the key file, the hint how to allow it."""
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    error = refusal(login(sshd, keys=(key,)))
    assert (error.state, str(key) in error.message) == ("denied", True)
    assert "ssh-copy-id" in error.hint


def test_a_key_with_a_passphrase_is_refused(sshd, tmp_path):
    """Nobody is there to type it."""
    key = tmp_path / "closed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    assert "passphrase" in refusal(login(sshd, keys=(key,))).message


@pytest.mark.parametrize("kind", ["absent", "public", "noise"])
def test_a_file_that_is_no_private_key_is_refused(sshd, tmp_path, kind):
    """The file is named."""
    key = tmp_path / "key"
    if kind != "absent":
        content = sshd.key.with_suffix(".pub").read_bytes() if kind == "public" else b"\x00\xff"
        key.write_bytes(content)
        key.chmod(0o600)
    assert str(key) in refusal(login(sshd, keys=(key,))).message


def test_a_key_open_to_others_is_refused(sshd):
    """As ssh does; the hint closes it."""
    sshd.key.chmod(0o644)
    error = refusal(login(sshd))
    assert ("mode 0644" in error.message, "chmod 600" in error.hint) == (True, True)


def test_no_key_at_all_is_refused(sshd):
    """No password is tried in its place."""
    assert refusal(login(sshd, keys=())).state == "denied"


def test_a_machine_that_is_not_there_is_failing(sshd):
    """Nobody listens."""
    sshd.stop()
    error = refusal(login(sshd))
    assert (error.state, "connection refused" in error.message) == ("failing", True)


def test_a_machine_that_says_nothing_is_hung(sshd):
    """It takes the connection, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        error = refusal(login(sshd, port=nobody.getsockname()[1], connect_s=0.5))
    assert error.state == "hung"


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 4096, b""])
def test_a_machine_that_speaks_something_else_is_failing(sshd, greeting):
    """Whatever comes in place of SSH is an error in words."""

    async def meet():
        async def speak(reader, writer):
            writer.write(greeting)
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(SourceError) as caught:
                await _log_in(login(sshd, port=port))
            return caught.value

    assert asyncio.run(meet()).state == "failing"


def test_the_key_a_host_shows_is_that_of_ssh_keygen(sshd, tmp_path):
    """Fingerprint, kind, and whether it is trusted."""
    key = shown(sshd, tmp_path)
    assert (key.fingerprint, key.kind) == (sshd.fingerprint(), "ssh-ed25519")
    assert (key.trusted, key.changed, key.known_to_ssh) == (True, False, False)


def test_a_key_that_was_confirmed_is_trusted_from_then_on(sshd, tmp_path):
    """It is written where nothing was, and after what was there."""
    sshd.known_hosts.write_text("# mine")
    assert not shown(sshd, tmp_path).trusted
    trust(sshd.known_hosts, shown(sshd, tmp_path))
    assert sshd.known_hosts.read_text().startswith("# mine\n")
    assert shown(sshd, tmp_path).trusted
    asyncio.run(_log_in(login(sshd)))


def test_a_key_that_changed_is_seen_before_anything_is_sent(sshd, tmp_path):
    """The question is not asked for a key in place of another."""
    sshd.stop()
    sshd.change_host_key()
    sshd.start()
    assert shown(sshd, tmp_path).changed


def test_no_login_was_tried_to_see_a_key(sshd, tmp_path):
    """Asking for the host key tells the host nothing about us."""
    shown(sshd, tmp_path)
    sshd.stop()
    assert "Accepted" not in sshd.log.read_text()
