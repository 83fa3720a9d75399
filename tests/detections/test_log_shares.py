"""What two kinds of line usually have of both together, and how much is remembered for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detections.spoken import Line, now, written

from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.mix import MixWatch
from boxwatch.detections.logs.mixture import Heard, Mixture
from boxwatch.detections.logs.shares import ENOUGH, learn, turned
from boxwatch.detections.logs.stream import LineStream
from boxwatch.events.vocabulary import template_id

APART = np.zeros((2, 2), np.bool_)


def counts(share: float, lines: float, blocks: int, seed: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    """Blocks of two kinds, at random."""
    rng = np.random.default_rng(seed)
    mean = np.array([share * lines, (1 - share) * lines])
    return rng.poisson(mean, (blocks, 2)).astype(np.uint32)


@pytest.mark.parametrize(("share", "lines"), [(0.05, 8), (0.05, 200), (0.5, 40), (0.3, 5000)])
def test_chance_alone_is_never_unusual(share, lines):
    """Two thousand blocks of the same kind after sixty to learn from."""
    usual = learn(counts(share, lines, 60), APART)
    later = counts(share, lines, 2000, seed=2)
    assert [
        turned(usual, later[n : n + 6]) for n in range(1994) if turned(usual, later[n : n + 6])
    ] == []


@pytest.mark.parametrize(("share", "now_", "lines"), [(0.05, 0.6, 60), (0.3, 0.75, 300)])
def test_another_share_is_found_in_one_block(share, now_, lines):
    """With as many lines as ever."""
    usual = learn(counts(share, lines, 60), APART)
    (found,) = turned(usual, counts(now_, lines, 1, seed=3))
    assert (found.more, found.blocks, found.instead) == (0, 1, True)
    assert found.low <= share <= found.high < found.share


def test_few_lines_are_not_judged():
    """All of them are of the rare kind, but too few to tell."""
    usual = learn(counts(0.05, 60, 60), APART)
    assert turned(usual, np.array([[ENOUGH - 1, 0]], np.uint32)) == []


def test_little_history_tells_nothing():
    """Nineteen blocks are too few."""
    usual = learn(counts(0.05, 60, 19), APART)
    assert turned(usual, counts(0.9, 60, 1)) == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 40), min_size=3, max_size=3),
        min_size=1,
        max_size=60,
    )
)
def test_any_counts_can_be_judged(rows):
    """None, enormous ones, a single block."""
    table = np.array(rows, np.uint32)
    usual = learn(table, np.zeros((3, 3), np.bool_))
    assert all(0 <= found.share <= 1 for found in turned(usual, table[-6:]))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('10.0.0.9 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 502 17', "5"),
        ('INFO:     10.0.0.9:1 - "POST /v1/chat/completions HTTP/1.1" 200 OK', "2"),
        ('[GIN] 2026/03/03 - 10:00:01 | 404 |  1.2ms | 10.0.0.9 | GET "/api/ps"', "4"),
        ('{"status": 503, "path": "/x"}', "5"),
        ("request done status=200 in 4 ms", "2"),
        ("GET /item/500 took 200 ms", ""),
        ("exit status 1", ""),
    ],
)
def test_what_a_server_answered_is_read_from_its_line(text, status):
    """Its first digit; nothing where a line tells none."""
    lines = LineStream().add(written([Line(1, text)]), now(60))
    assert lines is not None
    assert lines["status"].to_list() == [status]


def test_kinds_of_a_service_are_bounded():
    """A hostile service invents kinds: those that it writes most are remembered."""
    known = Mixture()
    for block in range(40):
        known.hear("usual", Heard(1000, 0.0, 1, ""))
        for number in range(400):
            known.hear(f"invented {block}-{number}", Heard(1, 0.0, 1, ""))
        known.end({}, ())
    assert len(known.kinds) == 16
    assert known.counts[:, known.kinds.index("usual")].tolist() == [1000] * 40


def test_old_blocks_are_thinned():
    """Months of them take no more room than days."""
    known = Mixture()
    for _ in range(5000):
        known.hear("usual", Heard(10, 0.0, 1, ""))
        known.end({}, ())
        known.learn(Learning())
        known.thin()
    assert len(known.counts) <= 401


def test_services_are_bounded():
    """More than a thousand at once: those that came first go on being watched."""
    watch = MixWatch()
    lines = [Line(n / 100, "alive", service=f"service:{n}") for n in range(1200)]
    due = LineStream().add(written(lines), now(60))
    assert due is not None
    watch.add(due, {})
    assert len(watch.save()["services"]) == 1000  # type: ignore[arg-type]


def test_a_kind_with_another_name_keeps_its_counts():
    """Its template became part of a wider one."""
    known = Mixture()
    for _ in range(3):
        known.hear("user alice", Heard(10, 0.0, 1, ""))
        known.end({}, ())
    known.hear("user <*>", Heard(7, 0.0, 1, ""))
    known.end({template_id("user alice"): template_id("user <*>")}, ())
    assert (known.kinds, known.counts[:, 0].tolist()) == (["user <*>"], [10, 10, 10, 7])
