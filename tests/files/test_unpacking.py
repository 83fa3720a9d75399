"""Older parts that a command of the system unpacks."""

import os
import shutil
import subprocess

import pytest
from tests.files.following import add

from boxwatch.sources.unpacking import UNPACK

needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")


def zst(data):
    """As zstd(1) writes it."""
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def compressed(data):
    """As compress(1) writes it: codes of nine bits, here each byte by itself."""
    bits = sum(byte << (9 * place) for place, byte in enumerate(data))
    return b"\x1f\x9d\x90" + bits.to_bytes((9 * len(data) + 7) // 8, "little")


PACK = {
    ".zst": pytest.param(".zst", zst, marks=needs_zstd),
    ".Z": pytest.param(".Z", compressed),
}


@pytest.mark.parametrize(("suffix", "pack"), PACK.values())
def test_part_is_read_before_the_log(log, follow, suffix, pack):
    """What was packed while nobody read comes first, in its order."""
    part = log.with_name(f"app.log.1{suffix}")
    part.write_bytes(pack(b"a\nb\n"))
    os.utime(part, (10**9, 10**9))
    add(log, "c\n")
    assert follow().lines(3) == ["a", "b", "c"]


@pytest.mark.parametrize(("suffix", "pack"), PACK.values())
def test_reading_goes_on_within_a_part_that_was_packed_since(log, follow, suffix, pack):
    """Rotated and packed while nobody read: the rest comes, and nothing twice."""
    add(log, "a\n")
    first = follow()
    assert first.lines() == ["a"]
    position = first.stop()
    add(log, "b\n")
    about = log.stat()
    part = log.with_name(f"app.log.1{suffix}")
    part.write_bytes(pack(log.read_bytes()))
    os.utime(part, (about.st_atime, int(about.st_mtime)))
    add(log.with_name("next"), "c\n")
    log.with_name("next").rename(log)
    assert follow(position).lines(4) == ["b", "c"]


def test_part_that_cannot_be_unpacked_here_is_a_gap(log, follow, monkeypatch, tmp_path):
    """Said once, with the file, its size and what to install."""
    part = log.with_name("app.log.1.zst")
    part.write_bytes(b"x" * 1234)
    os.utime(part, (10**9, 10**9))
    add(log, "a\n")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    follower = follow()
    assert follower.lines(4) == ["a"]
    (told,) = follower.said["notice"]
    for words in ("app.log.1.zst", "1,234 bytes", "install the package 'zstd'"):
        assert words in told["message"]


@needs_zstd
def test_damaged_part_is_a_gap(log, follow):
    """The command's refusal is told, and what comes after is read."""
    part = log.with_name("app.log.1.zst")
    part.write_bytes(zst(os.urandom(100_000).hex().encode() + b"\nx\n")[:5000])
    os.utime(part, (10**9, 10**9))
    add(log, "a\n")
    follower = follow()
    assert follower.lines(3) == ["a"]
    assert "damaged" in follower.said["notice"][0]["message"]


@needs_zstd
def test_text_can_be_read_from_anywhere(tmp_path):
    """Back and forth, as from a plain file."""
    path = tmp_path / "part.zst"
    path.write_bytes(zst(b"0123456789" * 300_000))
    text = UNPACK[".zst"](str(path))
    text.seek(2_000_005)
    assert text.read(5) == b"56789"
    text.seek(3)
    assert text.read(4) == b"3456"
    text.close()
