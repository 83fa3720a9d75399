"""`logs search` over a real store."""

import re
from datetime import timedelta

import pytest
from tests.wiring.command import boxwatch, well
from tests.wiring.logged import NOON, line, stored

ESC = "\x1b"
RIGHT_TO_LEFT = "\u202e"


def found(data, *arguments):
    """What `boxwatch logs search` answers as JSON."""
    return well("logs", "search", *arguments, "--json", "--data", data).json


def said(data, *arguments):
    """The messages it answers, in order."""
    return [one["message"] for one in found(data, *arguments)["lines"]]


@pytest.fixture
def steps(tmp_path):
    """A hundred numbered lines a minute apart, over two days, from two services in turn."""
    names = ("api", "db")
    lines = [
        line(f"step {n}", 15 * n, container_name=names[n % 2], severity=17 if n == 50 else 9)
        for n in range(100)
    ]
    return stored(tmp_path / "data", lines[60:], lines[:60])


def test_the_newest_come_last(steps):
    """Whatever order they were stored in, and over days."""
    assert said(steps, "step 9", "--limit", "3") == ["step 97", "step 98", "step 99"]
    answer = found(steps, "step 9", "--limit", "3")
    assert (answer["matching"], answer["more"]) == (3, True)
    assert found(steps, "step 9")["more"] is False


def test_a_pattern_is_a_text_unless_it_is_an_expression(tmp_path):
    """Signs of regular expressions mean themselves without --regex."""
    data = stored(tmp_path / "data", [line("a.c (x)"), line("abc"), line("ABC")])
    assert said(data, "a.c") == ["a.c (x)"]
    assert said(data, "a.c", "--regex") == ["a.c (x)", "abc"]
    assert said(data, "a.c (", "-i") == ["a.c (x)"]
    assert said(data, "abc", "--ignore-case") == ["abc", "ABC"]
    assert said(data) == ["a.c (x)", "abc", "ABC"]


def test_a_search_is_narrowed(steps):
    """By host, service, severity and time."""
    stored(steps, [line("step 7", 3000, host="other")])
    assert said(steps, "step 7", "--host", "other") == ["step 7"]
    assert said(steps, "step 1", "--service", "db", "--limit", "2") == ["step 17", "step 19"]
    assert said(steps, "--severity", "error") == ["step 50"]
    hours = ("--since", "2026-03-01T13:00Z", "--until", "2026-03-01T13:45Z")
    assert said(steps, *hours) == ["step 4", "step 5", "step 6"]


def test_a_unit_goes_by_its_whole_name_or_without_its_suffix(tmp_path):
    """As systemctl says it, as incidents say it, and as templates are listed."""
    data = stored(
        tmp_path / "data",
        [line(f"on {n}", n, unit=f"session-{n}.scope", container_name=None) for n in range(3)],
        [line("ssh on", 9, unit="ssh.service", container_name=None)],
    )
    for name in ("ssh", "ssh.service", "service:ssh"):
        assert said(data, "--service", name) == ["ssh on"]
    assert said(data, "--service", "session-1.scope") == ["on 1"]
    assert said(data, "--service", "session-*.scope") == ["on 0", "on 1", "on 2"]


def test_a_level_goes_by_the_words_of_journalctl_too(steps):
    """In any case of letters; what is critical is worse than an error."""
    for word in ("error", "err", "ERR", "warning"):
        assert said(steps, "--severity", word) == ["step 50"]
    assert said(steps, "--severity", "crit") == []


def test_lines_around_are_of_the_same_host(steps):
    """With a service asked for, of that service; each line once, however near the matches are."""
    stored(steps, [line("elsewhere", 15 * 50, host="other")])
    around = ["step 48", "step 49", "step 50", "step 51", "step 52"]
    assert said(steps, "step 50", "--context", "2") == around
    assert said(steps, "step 50", "--context", "2", "--service", "api") == [
        *("step 46", "step 48", "step 50", "step 52", "step 54")
    ]
    near = found(steps, "step 5[01]", "--regex", "--context", "1")["lines"]
    assert [(one["message"], one["matches"]) for one in near] == [
        ("step 49", False),
        ("step 50", True),
        ("step 51", True),
        ("step 52", False),
    ]


@pytest.mark.parametrize(
    ("step", "expected"), [(0, ["step 0", "step 1"]), (99, ["step 98", "step 99"])]
)
def test_the_ends_of_what_is_stored_have_fewer_lines_around(steps, step, expected):
    """The first line has none before it, the last none after."""
    assert said(steps, f"^step {step}$", "--regex", "--context", "1") == expected


def test_lines_around_cross_midnight_and_silence(tmp_path):
    """Days apart is still next to each other if nothing was said between."""
    data = stored(
        tmp_path / "data", [line("before", -4000), line("it", 719.99), line("after", 9000)]
    )
    assert said(data, "it", "--context", "1") == ["before", "it", "after"]


def test_lines_of_one_instant_are_told_apart(tmp_path):
    """Lines at the same time keep the order they came in."""
    data = stored(tmp_path / "data", [line(f"x{n}") for n in range(9)], [line("x9")])
    assert said(data, "x5", "--context", "2") == ["x3", "x4", "x5", "x6", "x7"]
    assert said(data, "x", "--limit", "2") == ["x8", "x9"]


def test_around_an_event(steps):
    """The line with an event id, and ten before and after it unless told."""
    (one,) = found(steps, "^step 50$", "--regex")["lines"]
    assert isinstance(one["event_id"], str)
    near = found(steps, "--around", one["event_id"])
    assert (near["matching"], len(near["lines"])) == (1, 21)
    assert near["lines"][10]["message"] == "step 50"
    assert said(steps, "--around", one["event_id"], "--context", "0") == ["step 50"]


def test_a_line_without_a_time_is_found(tmp_path):
    """It has no lines around it."""
    data = stored(tmp_path / "data", [line("lost", time=None), line("other")])
    assert said(data, "lost", "--context", "3") == ["lost"]
    assert "unknown time" in well("logs", "search", "lost", "--data", data).out


def test_nothing_found_is_no_error(steps):
    """It says so, and when the newest line was."""
    answer = well("logs", "search", "absent", "--data", steps)
    assert answer.out == ""
    newest = (NOON + timedelta(minutes=15 * 99)).astimezone()
    assert f"{newest:%Y-%m-%d %H:%M}" in answer.err


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (("step 50", "--severity", "fatal"), "1 line of {} matches below fatal."),
        (("step 50", "--until", "2026-03-01T13:00Z"), "1 line of {} matches outside that time."),
        (
            ("step 5\\d", "--regex", "--severity", "fatal", "--since", "2026-03-03"),
            "10 lines, the newest of {} match below fatal outside that time.",
        ),
    ],
)
def test_what_fewer_bounds_would_find_is_said(steps, bounds, says):
    """A severity or a time that leaves out every line that matches is named."""
    answer = well("logs", "search", *bounds, "--data", steps)
    last = 59 if "--regex" in bounds else 50
    newest = (NOON + timedelta(minutes=15 * last)).astimezone()
    assert says.format(f"{newest:%Y-%m-%d %H:%M:%S}.000") in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("step (", "--regex"), "unclosed group"),
        (("(?=a)", "--regex"), "look-around"),
        (("(a{1000}){1000}", "--regex"), "size limit"),
        (("x", "--service", "apo"), "Did you mean 'api'"),
        (("x", "--host", "bix"), "Did you mean 'box'"),
        (("--around", "123456789"), "123456789"),
        (("x", "--since", "soon"), "is no time"),
        (("x", "--severity", "bad"), "bad"),
    ],
)
def test_what_cannot_be_is_refused(steps, arguments, says):
    """The error names what was given and what is allowed."""
    answer = boxwatch("logs", "search", *arguments, "--data", steps)
    assert answer.status == 2
    assert says in " ".join(answer.err.replace("│", " ").split())


def test_what_a_line_says_cannot_reach_the_terminal(tmp_path):
    """Escapes, controls and turned text are shown, and a second line is set in."""
    evil = (
        f"{ESC}]0;owned\x07red{ESC}[31m\x00\x08 {RIGHT_TO_LEFT}gnp.exe\u2066\nbox  forged\r\u0085"
    )
    data = stored(tmp_path / "data", [line(evil, container_name=f"a{ESC}[2J{RIGHT_TO_LEFT}")])
    shown = well("logs", "search", "owned", "--data", data).out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", shown)
    assert "\n      box  forged" in shown
    assert said(data, "owned") == [evil]


def test_a_very_long_line_is_cut_in_print_and_whole_for_programs(tmp_path):
    """The cut says how long the line is."""
    data = stored(tmp_path / "data", [line("x" * 10_000_000 + "end")])
    shown = well("logs", "search", "xend", "--data", data).out
    assert len(shown) < 3_000
    assert "cut: 10,000,003 characters" in shown
    assert said(data, "xend") == ["x" * 10_000_000 + "end"]


def test_the_printed_line_says_when_where_who_and_how_bad(steps):
    """One line each, and with lines around it the match is pointed at."""
    answer = well("logs", "search", "step 50", "--context", "1", "--data", steps)
    before, match, after = answer.out.splitlines()
    when = (NOON + timedelta(minutes=750)).astimezone()
    assert match == f"> {when:%Y-%m-%d %H:%M:%S}.000  box  api  error  step 50"
    assert before.startswith("  ")
    assert after.endswith("info   step 51")


def test_a_damaged_part_is_told(steps):
    """The lines of the others are found, and the missing file is named."""
    path = sorted((steps / "events" / "logs").rglob("*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:-20])
    answer = well("logs", "search", "step", "--json", "--data", steps)
    assert path.name in answer.err
    assert answer.json["matching"] > 0
