"""Chaos without a host: what is planned, what is counted, what is told of it."""

import polars as pl
import pytest

from boxwatch.bench.chaos import verdict
from boxwatch.bench.chaos.journal_writer import entry
from boxwatch.bench.chaos.running import Ordeal, Outcome, figures
from boxwatch.bench.chaos.strikes import LOCAL, Strike, plan


def lines(*numbers, writer="journal"):
    """Messages of a writer."""
    return pl.Series([f"{writer} {number:06d} request took 1 ms" for number in numbers])


def account(kept, stored, written=None):
    """The account of the journal's writer."""
    counts = {"journal": len(set(kept)) if written is None else written}
    (found,) = verdict.accounts(
        counts, verdict.numbered(lines(*kept)), verdict.numbered(lines(*stored))
    )
    return found


def test_a_plan_follows_from_its_seed():
    """The same strikes at the same instants; another seed gives others."""
    assert plan(1, 50) == plan(1, 50) != plan(2, 50)


@pytest.mark.parametrize("kinds", [tuple(Strike), LOCAL])
def test_every_kind_of_strike_comes(kinds):
    """Also in a short plan, and no other kind does."""
    assert {one.strike for one in plan(0, len(kinds), kinds)} == set(kinds)


def test_a_cut_lasts_as_long_as_it_is_told():
    """And a kill takes no time."""
    lasting = {one.strike: one.lasting_s for one in plan(0, 60, cut_s=7)}
    assert lasting[Strike.CABLE] == 7
    assert lasting[Strike.COLLECTOR] == 0


def test_where_there_are_no_containers_no_engine_is_killed():
    """There is none."""
    planned = Ordeal(kills=30, containers=()).plan()
    assert Strike.DOCKERD not in {one.strike for one in planned}


def test_a_line_that_is_not_stored_is_lost():
    """Its number is told."""
    found = account(kept=[0, 1, 2], stored=[0, 2])
    assert (found.lost, found.doubled, found.examples) == (1, 0, (1,))


def test_a_line_that_is_stored_twice_is_doubled():
    """Once for every time too often."""
    found = account(kept=[0, 1], stored=[0, 1, 1, 1])
    assert (found.lost, found.doubled, found.examples) == (0, 2, (1,))


def test_what_the_origin_did_not_keep_is_not_lost():
    """It is counted apart."""
    found = account(kept=[0, 1], stored=[0, 1], written=5)
    assert (found.discarded, found.lost) == (3, 0)


def test_writers_are_told_apart():
    """Other lines are none of theirs."""
    messages = pl.concat([lines(3), lines(4, writer="container one"), pl.Series(["hello"])])
    assert verdict.numbered(messages).rows() == [("journal", 3), ("container one", 4)]


def test_a_container_says_how_much_it_wrote():
    """In its last line."""
    assert verdict.ledgers(pl.Series(["ledger one 42", "ledger one"])) == {"container one": 42}


def test_a_journal_entry_is_in_the_native_protocol():
    """Fields and newlines; its message is one that is counted."""
    fields = dict(line.split("=", 1) for line in entry(7).decode().splitlines())
    assert verdict.numbered(pl.Series([fields["MESSAGE"]])).rows() == [("journal", 7)]
    assert fields["PRIORITY"] in "34567"


@pytest.mark.parametrize(("written", "met"), [(2, False), (3, None)])
def test_a_gap_is_a_miss_unless_the_origin_lost_something(written, met):
    """Then it may be told."""
    one = account(kept=[0, 1], stored=[0, 1], written=written)
    shown = {f.name: f.met for f in figures(Outcome([one], ["a gap"], {}, 1.0, 1.0, []))}
    assert shown["gaps told"] is met
    assert shown["journal: lost"] is True
