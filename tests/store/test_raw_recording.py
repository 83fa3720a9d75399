"""Raw records beside the batches made of them: what belongs to no batch is cut off."""

from datetime import UTC, datetime, timedelta

import pytest

from boxwatch.events import RawChunk
from boxwatch.store import RawRecording

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = "host/host_metrics_20260301_120000.jsonl"


def chunk(text: str, kind: str = "host") -> RawChunk:
    """Lines of a kind."""
    return RawChunk(kind, text.encode(), "box", "/proc")


def content(root) -> dict[str, str]:
    """Every file by its name."""
    return {p.relative_to(root).as_posix(): p.read_text() for p in sorted(root.glob("*/*"))}


def test_lines_lie_in_the_files_of_their_kinds(tmp_path):
    """As a collection writes them; chunks of a kind one after the other."""
    raw = RawRecording(tmp_path, {})
    raw.write([chunk("a\n"), chunk("s\n", "systemd"), chunk("b\n"), chunk("")], NOON)
    assert content(tmp_path) == {
        FIRST: "a\nb\n",
        "systemd/systemd_logs_20260301_120000.jsonl": "s\n",
    }
    assert raw.sizes() == {FIRST: 4, "systemd/systemd_logs_20260301_120000.jsonl": 2}


def test_a_half_line_is_ended(tmp_path):
    """The next one begins on its own."""
    raw = RawRecording(tmp_path, {})
    raw.write([chunk("a"), chunk("b\n")], NOON)
    assert content(tmp_path) == {FIRST: "a\nb\n"}


def test_a_file_that_is_full_is_followed_by_another(tmp_path):
    """Stamped with the time at which it was begun."""
    raw = RawRecording(tmp_path, {}, most=4)
    for minute, text in enumerate(("a\n", "b\n", "c\n")):
        raw.write([chunk(text)], NOON + timedelta(minutes=minute))
    second = FIRST.replace("120000", "120200")
    assert content(tmp_path) == {FIRST: "a\nb\n", second: "c\n"}


def test_what_is_taken_back_was_never_there(tmp_path):
    """The end of a file, and a file that was new."""
    raw = RawRecording(tmp_path, {})
    raw.write([chunk("a\n")], NOON)
    raw.keep()
    raw.write([chunk("b\n"), chunk("s\n", "status")], NOON)
    raw.take_back()
    assert content(tmp_path) == {FIRST: "a\n"}
    raw.write([chunk("c\n")], NOON + timedelta(minutes=1))
    assert content(tmp_path) == {FIRST: "a\nc\n"}


@pytest.mark.parametrize("committed", [0, 1, 2])
def test_after_a_crash_it_goes_on_behind_the_last_batch(tmp_path, committed):
    """Whatever was written beyond, in old files and in new ones, is cut off."""
    first = RawRecording(tmp_path, {}, most=4)
    sizes = [first.sizes()]
    for number, text in enumerate(("a\n", "b\n", "c\n")):
        first.write([chunk(text)], NOON + timedelta(minutes=number))
        sizes.append(first.sizes())
    again = RawRecording(tmp_path, sizes[committed], most=4)
    again.write([chunk("z\n")], NOON + timedelta(minutes=9))
    kept = "".join(f"{letter}\n" for letter in "ab"[:committed])
    assert "".join(content(tmp_path).values()) == kept + "z\n"
