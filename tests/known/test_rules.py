"""The rules as data: complete, dated, and each true to its own examples."""

import pytest
from tests.known.stream import logs

from boxwatch.detections.detection import Severity
from boxwatch.detections.known.conditions import CONDITIONS
from boxwatch.detections.known.lines import LineScreen
from boxwatch.detections.known.rules import RULES, Override, read_rule, with_overrides
from boxwatch.errors import SettingError

LINE_RULES = [rule for rule in RULES.values() if rule.pattern]
EVENT = "docker event "


def _matched(rule, text):
    source = {"kernel": "kernel", "systemd": "systemd"}.get(rule.origin, "docker")
    row = {"source": source, "message": text}
    if text.startswith(EVENT):
        action, code, signal = text.removeprefix(EVENT).rsplit(" ", 2)
        code, signal = code.removeprefix("exit="), signal.removeprefix("signal=")
        told = f'{{"Action":"{action}","exitCode":"{code}","signal":"{signal}"}}'
        row |= {"subtype": "event", "attributes": told, "message": f"container {action}"}
    return {hit.rule for hit in LineScreen(RULES).hits(logs([(0, row)]))}


@pytest.mark.parametrize("rule", LINE_RULES, ids=lambda rule: rule.id)
def test_a_rule_matches_its_examples(rule):
    """Every example line of a rule is found by it, through the screen and the pattern."""
    own = "xid" if rule.id.startswith("xid") else rule.id
    assert all(own in _matched(rule, text) for text in rule.examples)


@pytest.mark.parametrize(
    "rule", [rule for rule in LINE_RULES if rule.no_match], ids=lambda rule: rule.id
)
def test_a_rule_leaves_look_alikes_alone(rule):
    """Lines that resemble a failure and are none are not found."""
    assert all(rule.id not in _matched(rule, text) for text in rule.no_match)


def test_every_rule_says_what_to_do_and_who_says_so():
    """No rule without causes, an action, a source and a date."""
    for rule in RULES.values():
        assert rule.causes, rule.id
        assert len(rule.action) > 5, rule.id
        assert rule.dated.year >= 2024, rule.id


def test_every_condition_is_in_the_table():
    """Each rule on readings names a condition that exists, and each condition has a rule."""
    assert {rule.condition for rule in RULES.values() if rule.condition} == set(CONDITIONS)


@pytest.mark.parametrize(
    ("code", "severity"),
    [(79, "critical"), (48, "critical"), (119, "critical"), (13, "low"), (43, "low"), (63, "low")],
)
def test_xid_severity_follows_the_policy(code, severity):
    """Hardware faults page someone; what an application caused is a note."""
    assert RULES[f"xid-{code}"].severity == severity


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"severity": "awful"}, "awful"),
        ({"colour": "red"}, "colour"),
        ({"entity": "planet"}, "planet"),
        ({"source": "my memory"}, "https"),
        ({"literals": []}, "literals"),
        ({"dated": "today"}, "dated"),
        ({"causes": "one"}, "list of texts"),
    ],
)
def test_a_wrong_rule_names_its_fault(change, says):
    """A data file with a mistake is refused with file, rule and reason."""
    good = {
        "id": "x",
        "title": "t",
        "severity": "low",
        "entity": "host",
        "causes": ["c"],
        "action": "a",
        "source": "https://x",
        "dated": RULES["xid-79"].dated,
        "pattern": "p",
        "literals": ["p"],
        "examples": ["p"],
    }
    assert read_rule(good, "f").id == "x"
    with pytest.raises(SettingError, match=says):
        read_rule(good | change, "mine.toml")


def test_a_person_changes_and_switches_off_rules():
    """Overrides set a severity or remove a rule."""
    rules = with_overrides(
        RULES, {"xid-13": Override(Severity.HIGH), "clock-jump": Override(enabled=False)}
    )
    assert rules["xid-13"].severity == "high"
    assert "clock-jump" not in rules


def test_an_override_of_no_rule_is_refused():
    """A misspelt rule id is an error, not a silent nothing."""
    with pytest.raises(SettingError, match="xid-7979"):
        with_overrides(RULES, {"xid-7979": Override()})
