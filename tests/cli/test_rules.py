"""The list of known failures."""

import json

from boxwatch.cli.border import run
from boxwatch.detections.known import RULES


def test_every_rule_is_listed_with_its_source(capsys):
    """The ids that settings take can be found, and where each comes from."""
    assert run(["rules", "--json"]) == 0
    listed = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(listed) == set(RULES)
    assert all(row["source"].startswith("https://") and row["dated"] for row in listed.values())


def test_one_rule_is_shown_whole(capsys):
    """A person reads what it means, what to do and an example."""
    assert run(["rules", "unit-failed"]) == 0
    shown = capsys.readouterr().out
    assert RULES["unit-failed"].action.split()[0] in shown
    assert RULES["unit-failed"].examples[0] in shown


def test_a_mistyped_rule_is_told_its_neighbours(capsys):
    """The error names rules that look like it."""
    assert run(["rules", "unit-faild"]) == 2
    assert "unit-failed" in capsys.readouterr().err


def test_a_mistyped_part_of_ids_is_told_those_it_looks_like(capsys):
    """The word of an id is known, too."""
    assert run(["rules", "ncll"]) == 2
    assert "Did you mean nccl-" in capsys.readouterr().err


def test_the_case_of_an_id_does_not_matter(capsys):
    """As the driver writes it, it is found."""
    assert run(["rules", "XID-79"]) == 0
    assert capsys.readouterr().out.startswith("xid-79: ")


def test_what_a_rule_is_about_is_said_in_the_same_words(capsys):
    """In the list as in what is shown of one."""
    assert run(["rules", "nccl-timeout"]) == 0
    assert "about: the service that writes it" in capsys.readouterr().out
    assert run(["rules", "nccl-"]) == 0
    assert "the service that writes it" in capsys.readouterr().out


def test_a_part_of_an_id_lists_what_holds_it(capsys):
    """Hundreds of rules are too many to read; Xids stand in the order of numbers."""
    assert run(["rules", "xid-", "--json"]) == 0
    listed = [row["id"] for row in json.loads(capsys.readouterr().out)]
    assert listed[:4] == ["nvswitch-sxid-fatal", "xid-1", "xid-2", "xid-3"]
    assert all("xid-" in name for name in listed)


def test_a_title_is_read_without_a_line(capsys):
    """What a line would fill in is said in words; no braces reach a person."""
    assert run(["rules", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert not [row["what"] for row in listed if "{" in row["what"] or "}" in row["what"]]


def test_how_often_a_line_must_come_is_told(capsys):
    """A rule that one line does not trigger says so."""
    assert run(["rules", "ssh-guessing"]) == 0
    assert "from 10 lines within 5 m on" in " ".join(capsys.readouterr().out.split())
