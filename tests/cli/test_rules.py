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
