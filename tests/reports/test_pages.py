"""Reports: complete, self-contained, and deaf to what log lines try to say."""

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import polars as pl
import pytest
from tests.incidents.findings import at, known, unusual

from boxwatch.events.schema import LOGS, SAMPLES
from boxwatch.incidents import Grouper
from boxwatch.reports import Evidence, Marker, html, load, markdown, summary, wanted

HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>' onmouseover='x",
    "{{ 7*7 }}{% raw %}",
    "```\n# heading [x](javascript:alert(1))",
    "\x1b[31mred\x1b[0m \u202egnp.exe \x00",
    "</style><style>*{display:none}",
    "a" * 100_000,
]


class _Elements(HTMLParser):
    """Collects tags and attributes, and checks that what is opened is closed."""

    void = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.stack = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.void:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def _parsed(page):
    elements = _Elements()
    elements.feed(page)
    assert elements.stack == []
    return elements


def _incident(**changes):
    found = [
        unusual("gpu:0", 0, 300, "temperature", "fan"),
        known("gpu-thermal-slowdown", "gpu:0", 40, 300, **changes),
    ]
    (one,) = Grouper().add(found, at(310))
    return one


def _lines(*messages):
    rows = [
        {"time": at(number), "host": "box", "source": "kernel", "message": text, "event_id": 7}
        | {"unit": None, "container_name": messages[0][:40]}
        for number, text in enumerate(messages)
    ]
    return pl.DataFrame(rows, schema=dict(LOGS))


def _curve(values, metric="temperature_celsius", entity="gpu:0"):
    rows = [
        {"time": at(10 * i), "host": "box", "entity": entity, "metric": metric, "value": value}
        for i, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=dict(SAMPLES))


def _page(incident, **evidence):
    return html([incident], {incident.id: Evidence(**evidence)})


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text):
    """A line, a reason and a container name cannot become markup."""
    page = _page(_incident(text=text), lines=_lines(text))
    elements = _parsed(page)
    assert not {"script", "img", "iframe", "object", "link"} & set(elements.tags)
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert elements.tags.count("style") == 1


def test_unseen_characters_are_shown():
    """Escapes that colour, reverse or hide text are printed as what they are."""
    page = _page(_incident(), lines=_lines(HOSTILE[5]))
    assert "\\x1b[31mred" in page
    assert "\\u202egnp.exe" in page
    assert not re.search(r"[\x00\x1b\u202e]", page)


def test_a_page_loads_nothing():
    """No address outside the page is ever fetched, and its policy forbids it."""
    page = _page(_incident(), lines=_lines("x"), series={("gpu:0", "fan_speed_ratio"): _curve([1])})
    loading = {"src", "srcset", "data", "poster", "action", "xlink:href"}
    elements = _parsed(page)
    assert not loading & {name for name, _ in elements.attributes}
    assert all(value.startswith("#") for name, value in elements.attributes if name == "href")
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_a_page_says_what_when_where_why_and_what_to_do():
    """Everything a person asks first."""
    one = _incident()
    page = unescape(_page(one))
    for text in (one.title, "2026-03-01 03:12:00 UTC", "GPU 0", one.causes[0].text, one.action):
        assert text in page


def test_every_picture_can_be_read_aloud():
    """Each drawing has a name, each table a caption."""
    page = _page(_incident(), series={("gpu:0", "temperature_celsius"): _curve([40.0, 90.0, 60.0])})
    pictures = re.findall(r"<svg[^>]*>", page)
    assert len(pictures) >= 3
    assert all('role="img"' in one and "aria-label" in one for one in pictures)
    assert page.count("<table") == page.count("<caption")
    assert '<html lang="en">' in page


def test_nothing_happened_is_said():
    """An empty page would be a doubt."""
    assert "Nothing happened" in html([])


def test_markers_are_drawn_beside_the_incidents():
    """Known faults, also where no incident was found."""
    marker = Marker("box", "fs:/", at(0), at(60), "disk <full>")
    page = html([], markers=[marker], span=(at(-60), at(120)))
    assert "disk &lt;full&gt;" in page
    assert 'class="marker"' in page


def test_the_note_is_printed():
    """That a machine is simulated stands at the top."""
    assert "This machine is simulated" in html([], note="This machine is simulated")


def test_curves_break_where_the_value_is_unknown():
    """A gap is a gap, with a strip that says so."""
    values = [50.0] * 10 + [None] * 10 + [60.0] * 10
    page = _page(_incident(), series={("gpu:0", "temperature_celsius"): _curve(values)})
    assert page.count('class="curve"') == 2
    assert page.count('class="unknown"') == 1


def test_an_all_unknown_curve_is_fine():
    """Nothing but nulls still makes a page."""
    page = _page(_incident(), series={("gpu:0", "temperature_celsius"): _curve([None] * 5)})
    assert "unknown" in page


def test_a_spike_of_one_reading_survives_thinning():
    """Many readings are drawn as few points, the highest among them."""
    values = [50.0] * 5000
    values[2345] = 99.0
    page = _page(_incident(), series={("gpu:0", "temperature_celsius"): _curve(values)})
    path = re.search(r'class="curve" d="([^"]+)"', page)[1]
    assert len(path) < 10_000
    assert " 6.0" in path


def test_markdown_holds_the_same_and_stays_tame():
    """A line with backticks cannot leave its fence, markup in a title is shown."""
    one = _incident(text="[x](javascript:alert(1)) <b>")
    text = markdown(one, Evidence(lines=_lines("``` end", "fine")))
    assert text.startswith(f"# {one.title}\n")
    assert "\n````text\n" in text
    assert "\\[x\\](javascript:alert(1)) \\<b\\>" in text
    assert one.action in text.replace("\\", "")


def test_a_summary_is_one_plain_line():
    """For a log or a notification."""
    line = summary(_incident())
    assert line.startswith("[HIGH] GPU 0 slows itself down")
    assert "\n" not in line
    assert "open" in line


def test_what_is_wanted_is_loaded():
    """Lines by id, curves by entity and metric, the features turned into metrics."""
    one = _incident()
    want = wanted(one)
    assert want.event_ids == (7,)
    assert ("gpu:0", "temperature_celsius") in want.series
    assert ("gpu:0", "fan_speed_ratio") in want.series
    samples = pl.concat([_curve([1.0]), _curve([2.0], entity="gpu:1")])
    evidence = load(want, _lines("x"), samples)
    assert list(evidence.series) == [("gpu:0", "temperature_celsius")]
    assert evidence.lines.height == 1


def test_the_time_around_an_incident_is_loaded_too():
    """What was usual just before is half of the evidence."""
    one = _incident()
    assert one.start - wanted(one).start >= timedelta(minutes=5)
