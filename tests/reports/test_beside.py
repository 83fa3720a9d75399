"""The lines beside those of a finding: of the same service, before and after, told apart."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from boxwatch.detections import Detection, Kind, Reason, Severity
from boxwatch.events.schema import LOGS, SAMPLES
from boxwatch.incidents import Grouper
from boxwatch.reports import html, lines, load, markdown, wanted

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = 2**64 - 100  # ids are as large as they come


def at(second):
    """The instant so many seconds from the start."""
    return START + timedelta(seconds=second)


def incident(kind, *ids, seconds=(10, 12), still_open=False):
    """One finding about lines of the unit api."""
    reasons = tuple(Reason("unusual", entity="service:api", event_id=FIRST + n) for n in ids)
    start, end = map(at, seconds)
    what = (kind, "made", Severity.LOW, reasons)
    found = Detection("box", "service:api", start, end, still_open, *what)
    (one,) = Grouper().add([found], at(20))
    return one


def logs():
    """A line of api and one of db each second, and Docker's word on api."""
    rows = [
        {"time": at(n // 2), "host": "box", "source": "systemd", "subtype": "journal"}
        | {"unit": ("api.service", "db.service")[n % 2], "message": f"line {n}"}
        | {"event_id": FIRST + n}
        for n in range(60)
    ]
    rows.append(rows[20] | {"subtype": "event", "message": "exec_create", "event_id": 5})
    return pl.DataFrame(rows, schema=dict(LOGS))


def shown(one):
    """The evidence of an incident."""
    return load(wanted(one), logs(), pl.DataFrame(schema=dict(SAMPLES)))


@pytest.mark.parametrize("kind", [Kind.NOVELTY, Kind.BURST, Kind.ORDER])
def test_three_lines_before_and_three_after_of_the_same_service(kind):
    """And which of them are only there for the one between."""
    told = lines(shown(incident(kind, 20)))
    assert [line.message for line in told] == [f"line {n}" for n in range(14, 28, 2)]
    assert [line.around for line in told] == [True] * 3 + [False] + [True] * 3


def test_other_findings_show_their_own_lines_only():
    """A known failure is explained by its rule."""
    told = lines(shown(incident(Kind.KNOWN, 20)))
    assert [(line.message, line.around) for line in told] == [("line 20", False)]


def test_a_silence_shows_the_lines_before_and_after_it():
    """It has none of its own."""
    told = lines(shown(incident(Kind.SILENCE, seconds=(9.5, 14.5))))
    before, after = range(14, 20, 2), range(24, 36, 2)
    assert {line.message for line in told} >= {f"line {n}" for n in (*before, *after)}
    assert all(line.around for line in told)


def test_reports_tell_them_apart():
    """Marked in Markdown, soft in HTML."""
    one = incident(Kind.ORDER, 20)
    evidence = shown(one)
    text, page = markdown(one, evidence), html([one], {one.id: evidence})
    assert "\n> 12:00:10 api.service: line 20\n" in text
    assert "\n  12:00:09 api.service: line 18\n" in text
    assert page.count('<tr class="soft">') == 6


def test_lines_of_a_finding_come_before_those_beside_them():
    """Where there is no room for all."""
    told = lines(shown(incident(Kind.BURST, *range(0, 60, 2))))
    assert len(told) == 24
    assert not any(line.around for line in told)
