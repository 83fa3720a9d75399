"""What a report says once, and where its excerpts break off."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from tests.incidents.findings import at, known
from tests.reports.test_beside import incident as of_kind
from tests.reports.test_beside import logs

from boxwatch.detections import Kind, Reason
from boxwatch.detections.detection import LATEST
from boxwatch.events.schema import SAMPLES
from boxwatch.incidents import Grouper
from boxwatch.reports import findings, html, lines, load, markdown, wanted


def crashes():
    """Fifteen findings that say the same, and one that says something else."""
    many = [
        known("container-died", "service:api", n, text="container die exitCode=1")
        for n in range(15)
    ]
    return [*many, known("container-died", "service:api", 15, text="container die exitCode=2")]


def excerpts(minutes):
    """The evidence of one finding with lines so many minutes apart, and its incident."""
    one = of_kind(Kind.ORDER, 4, 40)
    late = pl.col("event_id") >= logs()["event_id"][30]
    apart = pl.when(late).then(pl.col("time") + timedelta(minutes=minutes))
    told = logs().with_columns(apart.otherwise(pl.col("time")).alias("time"))
    return one, load(wanted(one), told, pl.DataFrame(schema=dict(SAMPLES)))


def test_findings_that_say_the_same_are_one():
    """With how often, from the earliest of them on."""
    same, other = findings(crashes()[::-1])[::-1]
    assert same.reasons == ("container die exitCode=1 (15 times)",)
    assert same.first.start == at(0)
    assert other.reasons == ("container die exitCode=2",)


def test_reports_say_it_once():
    """In Markdown and in HTML."""
    (one,) = Grouper().add(crashes(), at(20))
    assert markdown(one).count("container die exitCode=1 (15 times)") == 1
    assert html([one]).count("container die exitCode=1 (15 times)") == 1


@pytest.mark.parametrize(("minutes", "jumps"), [(0, 0), (5, 1)])
def test_excerpts_that_jump_in_time_are_kept_apart(minutes, jumps):
    """By three points, in the report of either form."""
    one, evidence = excerpts(minutes)
    assert sum(line.jump for line in lines(evidence)) == jumps
    assert markdown(one, evidence).count("\n  ...\n") == jumps
    assert html([one], {one.id: evidence}).count('class="jump"') == jumps


def test_what_says_nothing_more_is_left_out():
    """A pointer to the latest line, and a line of which another reason says how often it came."""
    texts = ("died (seen 8 times in 9 s)", "died", "died", "ended", LATEST)
    one = replace(crashes()[0], reasons=tuple(map(Reason, texts)))
    (told,) = findings([one])
    assert told.reasons == ("died (seen 8 times in 9 s)", "ended")
