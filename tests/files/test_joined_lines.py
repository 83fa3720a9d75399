"""Tracebacks are one record; what is not a part of one is a record of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.sources.joined_lines import JoinedLines

PYTHON = """Traceback (most recent call last):
  File "serve.py", line 12, in load
    model = open(path)
            ^^^^^^^^^^
FileNotFoundError: [Errno 2] No such file or directory: 'model.bin'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "serve.py", line 20, in <module>
    load()
RuntimeError: cannot load
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 3, in <module>
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------
"""
JAVA = """java.lang.IllegalStateException: no worker
\tat org.example.Pool.take(Pool.java:31)
\tat org.example.Main.main(Main.java:9)
Caused by: java.io.IOException: closed
\tat org.example.Link.read(Link.java:77)
\t... 12 more
"""
DATED = "2026-03-01 12:00:00,123 ERROR serve: request 7 failed\n"


def lines(text):
    """A text as lines with their offsets."""
    found, offset = [], 0
    for line in text.encode().splitlines(keepends=True):
        found.append((offset, line.rstrip(b"\n")))
        offset += len(line)
    return found


def records(text, at_once=True):
    """The texts of the records that `text` makes."""
    joined = JoinedLines()
    pieces = [lines(text)] if at_once else [[line] for line in lines(text)]
    done = [record for piece in pieces for record in joined.add(piece, 0.0)]
    return [record.text.decode() for record in [*done, *joined.flush()]]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("trace", [PYTHON, JAVA, DATED + PYTHON, DATED + GROUP, DATED + JAVA])
def test_trace_is_one_record(trace, at_once):
    """Chained causes, groups, and the dated line that says it belong together."""
    text = f"before\n{trace}{DATED}after\n"
    assert records(text, at_once) == ["before", trace.rstrip("\n"), DATED.rstrip("\n"), "after"]


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo\n",
        "plain\nTraceback (most recent call last):\n",
        "list:\n  indented\n  indented\n",
        PYTHON + "ordinary line\n" + PYTHON,
        DATED + DATED,
    ],
)
def test_unrelated_lines_stay_apart(text):
    """Without a date before it, an indented line is a line; each trace is its own."""
    joined = records(text)
    expected = 3 if "ordinary" in text else len(text.splitlines())
    assert len(joined) == expected
    assert "\n".join(joined).split() == text.split()


def test_ordinary_line_is_not_held_back():
    """Only what may be the beginning of a trace waits."""
    joined = JoinedLines(hold_s=1.0)
    assert [record.text for record in joined.add([(0, b"ready")], 0.0)] == [b"ready"]
    assert joined.add([(6, b"ValueError: x")], 0.0) == []
    assert joined.held_from == 6


def test_last_record_is_not_held_for_ever():
    """It is handed on when its time is up; each new line gives it more."""
    joined = JoinedLines(hold_s=1.0)
    joined.add([(0, b"Traceback (most recent call last):")], 0.0)
    joined.add([(35, b'  File "x"')], 0.9)
    assert joined.late(1.5) == []
    assert joined.late(1.9)[0].text.count(b"\n") == 1
    assert joined.held_from is None


def test_endless_trace_is_cut():
    """Frames without end become records of bounded size, and none is lost."""
    joined = records("Traceback (most recent call last):\n" + "  File x\n" * 9_000)
    assert len(joined) > 1
    assert sum(text.count("File x") for text in joined) == 9_000


PIECES = st.sampled_from([*PYTHON.splitlines(), *JAVA.splitlines(), DATED.strip(), "", "x", " y"])


@settings(deadline=None)
@given(st.lists(PIECES | st.text("ab \t:", max_size=5), max_size=30), st.lists(st.integers(0, 9)))
def test_no_line_is_lost_or_moved_and_cuts_change_nothing(texts, cuts):
    """Whatever the lines, and however they come in pieces: the same text, in order."""
    numbered = [(number, text.encode()) for number, text in enumerate(texts)]
    joined, done = JoinedLines(), []
    for size in [*cuts, len(numbered)]:
        piece, numbered = numbered[:size], numbered[size:]
        done += joined.add(piece, 0.0)
    done += joined.flush()
    said = [line for record in done for line in record.text.split(b"\n")]
    assert [line for line in said if line.strip()] == [t.encode() for t in texts if t.strip()]
    assert [record.offset for record in done] == sorted({record.offset for record in done})
