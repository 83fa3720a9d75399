"""Chunks of many sources joined for normalising: the same events, the same quarantine."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from boxwatch.clock import ManualClock
from boxwatch.events import Events, RawChunk, concat
from boxwatch.events import normalise as normalise_chunk
from boxwatch.live.joining import join, normalised

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)


def normalise(chunk: RawChunk) -> Events:
    """At a clock that stands."""
    return normalise_chunk(chunk, ManualClock(NOW))


def kernel(host: str | None, *messages: str) -> RawChunk:
    """Kernel lines of a host, or lines that do not tell theirs."""
    named = {} if host is None else {"host": host}
    rows = [
        named | {"timestamp": "2026-05-06T09:00:00Z", "priority": 6, "message": text, "sequence": n}
        for n, text in enumerate(messages)
    ]
    lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return RawChunk("kernel", lines.encode(), host or "fallback", f"kmsg of {host}")


def test_chunks_of_one_kind_become_one():
    """Fifty hosts, one call; another kind is another chunk."""
    chunks = [kernel(f"h{n}", "x") for n in range(50)]
    found = list(join([*chunks, RawChunk("host", b'{"host":"h"}\n', "h", "/proc")]))
    assert [one.chunk.kind for one in found] == ["kernel", "host"]
    assert list(found[0].parts) == chunks


def test_lines_without_a_host_are_not_joined():
    """They take the host of their own chunk."""
    events = normalised([kernel("a", "1"), kernel(None, "2"), kernel("b", "3")], normalise, None)
    hosts = dict(events.logs.select("message", "host").iter_rows())
    assert hosts == {"1": "a", "2": "fallback", "3": "b"}


def test_a_joined_chunk_stays_within_bounds():
    """More than sixteen megabytes are several chunks."""
    line = b'{"host":"a","message":"' + b"x" * (9 << 20) + b'"}\n'
    chunks = [RawChunk("kernel", line, "a", str(n)) for n in range(3)]
    assert [len(one.parts) for one in join(chunks)] == [1, 1, 1]


def test_quarantine_tells_the_chunk_and_the_place_in_it():
    """As if it had not been joined."""
    bad = RawChunk("kernel", b'{"host":"b","message":"ok"}\n{"host":"b" nonsense\n', "b", "kmsg b")
    events = normalised([kernel("a", "1", "2"), bad], normalise, None)
    alone = normalise(bad).quarantined["origin"].to_list()
    assert events.quarantined["origin"].to_list() == alone
    assert "kmsg b+28" in alone


def test_a_line_that_is_not_survived_is_set_aside_with_its_chunk():
    """The other chunks of the turn are normalised; nothing is lost."""

    def fragile(chunk: RawChunk) -> Events:
        if b"poison" in chunk.lines:
            raise RuntimeError("a mistake in the normaliser")
        return normalise(chunk)

    chunks = [kernel("a", "1"), kernel("b", "2", "poison"), kernel("c", "3")]
    events = normalised(chunks, fragile, lambda: NOW)
    assert sorted(events.logs["message"]) == ["1", "3"]
    assert events.quarantined["record"].str.contains("poison").to_list() == [False, True]
    assert events.quarantined["reason"].str.contains("mistake in the normaliser").all()


HOSTS = st.sampled_from(["a", "b", None])
TEXTS = st.lists(st.text(max_size=8), max_size=3)


@pytest.mark.parametrize("kind", ["kernel", "systemd", "host", "status"])
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(HOSTS, TEXTS, st.binary(max_size=12)), max_size=4))
def test_joined_or_not_the_events_are_the_same(kind, said):
    """Whatever the lines hold: the same rows, up to the order of hosts."""
    chunks = [
        RawChunk(kind, kernel(host, *texts).lines + junk, host or "fallback", str(number))
        for number, (host, texts, junk) in enumerate(said)
    ]
    joined = normalised(chunks, normalise, lambda: NOW)
    apart = concat([normalise(chunk) for chunk in chunks])
    for table in ("logs", "samples", "quarantined"):
        one, other = getattr(joined, table), getattr(apart, table)
        order = [pl.col(name) for name in one.columns]
        assert_frame_equal(one.sort(order), other.sort(order))
