"""Answers found in what comes over a line: whole ones, whatever lies between them."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.clock import to_micros
from boxwatch.sources.frames import Frames

TOKEN = "@0123456789abcdef"


def frame(number, *parts, wall="1700000000.250000", monotonic="12.5"):
    """One answer as the reader prints it."""
    head = f"{TOKEN} < {number} {wall} {monotonic}\n"
    return (head + "".join(parts) + f"{TOKEN} > {number}\n").encode()


STAT = f"{TOKEN} = proc/stat\ncpu 1\ncpu0 1\n\n"


def numbers(frames, *pieces):
    """The numbers of the answers that all `pieces` complete."""
    return [number for piece in pieces for number, _ in frames.feed(piece)]


def test_an_answer_has_its_clocks_texts_and_reasons():
    """What was read stands under its name; what was not, with the reason."""
    gone = f"{TOKEN} ~ proc/pressure/io No such file or directory\n"
    ((number, answer),) = Frames(TOKEN).feed(frame(7, STAT, gone))
    assert (number, answer.monotonic) == (7, 12.5)
    assert to_micros(answer.taken) == 1_700_000_000_250_000
    assert answer.found == {"proc/stat": "cpu 1\ncpu0 1"}
    assert answer.missing == {"proc/pressure/io": "No such file or directory"}


def test_what_a_login_shell_prints_first_is_skipped():
    """A greeting before the first answer does no harm, and is kept for a reason."""
    frames = Frames(TOKEN)
    assert numbers(frames, b"Welcome!\nLast login: today\n", frame(1, STAT)) == [1]
    assert frames.skipped == b"Welcome!\nLast login: today"


def test_lines_may_end_as_a_terminal_ends_them():
    """CR LF is read as LF."""
    ((_, answer),) = Frames(TOKEN).feed(frame(1, STAT).replace(b"\n", b"\r\n"))
    assert answer.found["proc/stat"] == "cpu 1\ncpu0 1"


def test_a_cut_answer_costs_no_other():
    """The answer that follows one that breaks off is read."""
    whole = frame(1, STAT)
    for end in range(len(whole)):
        cut = whole[:end].rpartition(b"\n")[0] + b"\n"
        assert 2 in numbers(Frames(TOKEN), cut, frame(2, STAT))


def test_an_answer_without_its_beginning_is_none():
    """Half an answer is no answer."""
    assert numbers(Frames(TOKEN), frame(1, STAT).partition(b"\n")[2]) == []


def test_text_of_others_cannot_end_an_answer():
    """A mount named like the reader's own lines stays text: it does not know the token."""
    spoof = f"{TOKEN} = proc/self/mounts\n@ffffffffffffffff > 3\n"
    ((_, answer),) = Frames(TOKEN).feed(frame(3, spoof))
    assert answer.found["proc/self/mounts"] == "@ffffffffffffffff > 3"


def test_what_never_ends_is_let_go():
    """Output that is no answer does not fill the memory."""
    frames = Frames(TOKEN, limit=10_000)
    for _ in range(100):
        assert frames.feed(b"y\n" * 500) == []
    assert len(frames._held) <= 11_000
    assert numbers(frames, frame(1, STAT)) == [1]


@pytest.mark.parametrize("wall", ["-1", "nan", "", "99999999999999", "1.2.3"])
def test_an_answer_without_a_time_is_none(wall):
    """A clock that shows no time gives no reading."""
    assert numbers(Frames(TOKEN), frame(1, STAT, wall=wall), frame(2, STAT)) == [2]


LINE = st.one_of(
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"") + b"\n"),
    st.sampled_from(
        [f"{TOKEN} {rest}\n".encode() for rest in ("< 1 1 1", "> 1", "= x", "~ x", "")]
    ),
)


@settings(deadline=None)
@given(st.lists(LINE, max_size=12).map(b"".join), st.lists(st.integers(0, 400), max_size=4))
def test_no_noise_costs_the_next_answer(noise, cuts):
    """Whatever came before, and however it is cut into whole lines, an answer is found."""
    lines = (noise + frame(99, STAT)).splitlines(keepends=True)
    edges = sorted({0, *(cut % (len(lines) + 1) for cut in cuts), len(lines)})
    frames = Frames(TOKEN)
    pieces = [b"".join(lines[low:high]) for low, high in pairwise(edges)]
    found = {n: answer for piece in pieces for n, answer in frames.feed(piece)}
    assert found[99].found["proc/stat"] == "cpu 1\ncpu0 1"
