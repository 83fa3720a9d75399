"""The rules as data: complete, dated, and each true to its own examples."""

import tomllib
from importlib.resources import files

import pytest
from tests.known.stream import logs

from boxwatch.detections.detection import Severity
from boxwatch.detections.known.conditions import CONDITIONS
from boxwatch.detections.known.lines import LineScreen
from boxwatch.detections.known.rule import read_rule
from boxwatch.detections.known.rules import RULES, Override, with_overrides
from boxwatch.errors import SettingError
from boxwatch.events.notices import RESTART

LINE_RULES = [rule for rule in RULES.values() if rule.pattern]
EVENT = "docker event "


def _matched(rule, text):
    source = {"kernel": "kernel", "systemd": "systemd"}.get(rule.origin, "docker")
    row = {"source": source, "message": text}
    if rule.origin == "notice":
        row |= {"source": "systemd", "subtype": RESTART}
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


# NVIDIA's immediate action for each code, from the catalogue of 2025-10-29.
XID_ACTIONS = {
    "RESTART_BM": [79],
    "RESET_GPU": [46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158],
    "WORKFLOW_XID_48": [48],
    "WORKFLOW_XID_45": [45],
    "WORKFLOW_NVLINK_ERR": [74],
    "WORKFLOW_NVLINK5_ERR": [*range(144, 151)],
    "CHECK_MECHANICALS": [54],
    "RESTART_VM": [151],
    "UPDATE_SWFW": [78],
    "CHECK_UVM": [159],
    "RESTART_APP": [
        *(8, 11, 13, 25, 31, 32, 39, 40, 41, 60, *range(68, 73), 75, 76, 77, 80, *range(82, 87)),
        *(88, 89, 94, *range(96, 106), *range(126, 136), 139),
    ],
    "IGNORE": [37, 38, 43, 44, 63, 66, 67, 92, 93, 121, 137, 141, 152, 153, 157, 160, 161],
    "INFORMATION": [154],
    "NONE_YET": [*range(162, 173)],
}


@pytest.mark.parametrize(
    ("code", "action"), [(code, action) for action, codes in XID_ACTIONS.items() for code in codes]
)
def test_an_xid_asks_for_what_nvidia_says(code, action):
    """Every code of the catalogue, with its immediate action."""
    table = tomllib.loads(files("boxwatch.detections.known").joinpath("xid.toml").read_text())
    assert RULES[f"xid-{code}"].action == table["action"][action]["text"]


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
