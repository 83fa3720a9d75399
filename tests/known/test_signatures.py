"""Every known failure on a line: its examples hit it, and nothing else."""

import re
import tomllib
from importlib.resources import files

import polars as pl
import pytest

from boxwatch.detections.known import RULES, matching
from boxwatch.detections.known.rule_files import FILES

SIGNATURES = [r for r in RULES.values() if r.pattern and not r.id.startswith("xid-")]
CODES = [rule for rule in RULES.values() if rule.id.startswith("xid-")]
ids = {"ids": lambda rule: rule.id}


@pytest.mark.parametrize("rule", SIGNATURES, **ids)
def test_an_example_hits_its_rule_and_no_other(rule):
    """Tried against all rules; the only others are those that say so themselves."""
    for example in rule.examples:
        hits = {re.sub(r"^xid-\d+$", "xid", found.id) for found in matching(example)}
        assert rule.id in hits
        assert hits <= {rule.id, *rule.overlaps}


@pytest.mark.parametrize("rule", SIGNATURES, **ids)
def test_every_example_holds_a_literal(rule):
    """What the screen looks for stands in each line, or the line would never be looked at."""
    assert all(any(text in example for text in rule.literals) for example in rule.examples)


@pytest.mark.parametrize("rule", SIGNATURES, **ids)
def test_a_pattern_means_the_same_in_both_engines(rule):
    """Lines are matched in columns, titles are filled one at a time: same groups by both."""
    for example in rule.examples:
        if rule.origin == "docker-event":
            continue
        found = re.search(rule.pattern, example)
        assert found is not None
        groups = pl.Series([example]).str.extract_groups(rule.pattern).struct.unnest()
        named = {name: groups[name].item() for name in found.groupdict()}
        assert named == found.groupdict()


@pytest.mark.parametrize("rule", SIGNATURES, **ids)
def test_a_line_fills_in_what_a_title_wants(rule):
    """Every place in a title is a group that each example fills, or the entity."""
    wanted = set(re.findall(r"\{(\w+)\}", rule.title)) - {"thing"}
    for example in rule.examples:
        found = re.search(rule.pattern, example)
        assert wanted <= {name for name, text in found.groupdict().items() if text is not None}


def test_an_overlap_names_a_rule():
    """What a rule says it overlaps with exists."""
    assert all(other in RULES for rule in RULES.values() for other in rule.overlaps)


def test_a_short_literal_is_no_screen():
    """A literal of a few letters stands in too many healthy lines."""
    short = {text for rule in SIGNATURES for text in rule.literals if len(text) < 5}
    assert short <= {"SXid"}


def test_the_whole_xid_catalogue_is_there():
    """All codes that the driver's catalogue numbers, with who is at fault."""
    assert {rule.id for rule in CODES} == {f"xid-{code}" for code in range(1, 173)}
    assert all(rule.fault in ("application", "hardware", "driver", "either") for rule in CODES)


# NVIDIA's investigatory action for each code, from the same catalogue.
INVESTIGATE = {
    "CHECK_APP": [11, 25, 32, 37, 69, 80],
    "WORKFLOW_XID_13": [13],
    "WORKFLOW_XID_31": [31],
    "WORKFLOW_XID_48": [48],
    "INVESTIGATE_SW": [60, 66, 110, 119, 120, 160, 161],
    "INVESTIGATE_LINK_SI": [136],
    "XID_137_FLOW": [108, 137],
    "UPDATE_SWFW": [78],
    "WORKFLOW_NVLINK5_ERR": [*range(144, 151)],
    "CONTACT_SUPPORT": [8, 38, 43, 46, 62, 64, 74, 79, 92, 109, 140, 143, 151, 157, 158],
}


@pytest.mark.parametrize(
    ("code", "after"), [(code, after) for after, codes in INVESTIGATE.items() for code in codes]
)
def test_an_xid_says_what_to_look_into_next(code, after):
    """The action after the immediate one."""
    table = tomllib.loads(files("boxwatch.detections.known").joinpath("xid.toml").read_text())
    assert RULES[f"xid-{code}"].investigate == table["investigate"][after]


def test_every_data_file_is_read():
    """No file of rules is left lying."""
    folder = files("boxwatch.detections.known")
    there = {file.name for file in folder.iterdir() if file.name.endswith(".toml")}
    assert there == {*FILES, "xid.toml"}
