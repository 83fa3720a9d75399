"""What a line means."""

import io
import json

import pytest

from boxwatch.cli.border import run
from boxwatch.detections.known import RULES, matching

XID = "NVRM: Xid (PCI:0000:41:00): 79, pid=1234, name=python3, GPU has fallen off the bus."


def told(capsys, *line):
    """The meaning of a line as JSON."""
    assert run(["explain", *line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "[12345.678901] ",
        "Nov 21 14:00:01 gpu1 kernel: ",
        "Nov 21 14:00:01 gpu1 kernel: [12345.678901] ",
        "2026-11-21T14:00:01.123456+01:00 gpu1 kernel: ",
        "<3>",
    ],
)
def test_a_line_is_known_with_any_head(capsys, head):
    """As dmesg, journalctl or syslog print it."""
    known = told(capsys, head + XID)["known"]
    assert "xid-79" in [rule["id"] for rule in known]
    assert all(rule["action"] and rule["source"] for rule in known)


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.examples], ids=lambda r: r.id)
def test_every_example_is_explained_by_its_rule(rule):
    """Each rule with an example recognises it on its own."""
    for example in rule.examples:
        assert any(found.id.startswith(rule.id) for found in matching(example))


def test_an_ordinary_line_is_no_failure(capsys):
    """It says so, and shows the kind of line."""
    assert run(["explain", "listening on 127.0.0.1:8080"]) == 0
    shown = capsys.readouterr().out
    assert "Not a known failure" in shown
    assert "listening on <*>" in shown


def test_a_line_that_says_its_level_is_told_so(capsys):
    """Unknown, but not mute: what the line calls itself."""
    told_of = told(capsys, "E1121 10:00:00.123456 1 server.go:12] lost a shard")
    assert (told_of["known"], told_of["says_severity"], told_of["says_level"]) == ([], 17, "error")
    assert run(["explain", "level=warn msg=slow"]) == 0
    assert "It calls itself: warning." in capsys.readouterr().out


def test_an_xid_says_who_is_at_fault_and_what_comes_next(capsys):
    """The immediate action, the one after it, the policy and the source with its date."""
    line = XID.replace("79", "13")
    (rule,) = [one for one in told(capsys, line)["known"] if one["id"] == "xid-13"]
    assert rule["fault"] == "application"
    assert rule["investigate"] == RULES["xid-13"].investigate
    assert rule["when"] == "medium from 5 within 1 h on"
    assert run(["explain", line]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Where it lies: the application" in shown
    assert f"(read {RULES['xid-13'].dated})" in shown


def test_many_lines_are_explained_at_once():
    """A thousand lines meet only the patterns whose literals they hold."""
    lines = [f"request {number} answered in 12 ms" for number in range(1000)]
    assert [matching(line) for line in lines] == [[]] * 1000


def test_lines_can_come_by_standard_input(capsys, monkeypatch):
    """One meaning for each line that is not blank."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{XID}\n\nhello\n"))
    assert [bool(one["known"]) for one in told(capsys, "-")] == [True, False]


def test_a_line_that_begins_with_a_hyphen_comes_after_two(capsys):
    """It looks like an option; the answer says how to give it."""
    assert run(["explain", "- x failed", "--json"]) == 2
    assert "boxwatch explain -- '- x failed'" in capsys.readouterr().err
    assert run(["explain", "--", "- x failed"]) == 0
    assert capsys.readouterr().out.startswith("- x failed\n")


@pytest.mark.parametrize("given", [[], [""], ["  "]])
def test_nothing_is_no_line(capsys, given):
    """An empty line is refused with the next step."""
    assert run(["explain", *given]) == 2
    assert "standard input" in capsys.readouterr().err
