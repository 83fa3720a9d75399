"""From a line to an incident that a person understands."""

import pytest
from tests.known.stream import at, logs

from boxwatch.detections.known import RULES, KnownFailures
from boxwatch.events.notices import RESTART
from boxwatch.events.schema import Events
from boxwatch.incidents.causes import root_first, tell

LINES = [
    rule
    for rule in RULES.values()
    if rule.pattern and rule.origin != "docker-event" and not rule.id.startswith("xid")
]
CONTAINER = {"source": "docker", "subtype": "stdout", "container_name": "vllm"}


def story(*lines):
    """What an incident of these lines says: (rule, example line)."""
    rows = []
    for rule, line in lines:
        origin = {
            "kernel": {"source": "kernel"},
            "systemd": {"source": "systemd", "unit": "init.scope"},
            "notice": {"source": "systemd", "subtype": RESTART},
        }.get(rule.origin, CONTAINER)
        apart = min(rule.within_seconds / rule.least / 2, 30)
        rows += [(n * apart, origin | {"message": line}) for n in range(rule.least)]
    rows.sort(key=lambda row: row[0])
    found = KnownFailures().add(Events(logs=logs(rows)), at(600))
    last = {one.id: one for one in found}
    return tell(root_first(list(last.values())), "box", {})


@pytest.mark.parametrize("rule", LINES, ids=lambda rule: rule.id)
def test_a_line_becomes_an_incident_with_a_title_and_an_action(rule):
    """No place is left open, causes come with their rule and date, and there is something to do."""
    told = story((rule, rule.examples[0]))
    assert "{" not in told.title
    assert "?" not in told.title
    assert told.causes[0].text
    assert f"[rule {rule.id}, {rule.dated}]" in " ".join(cause.why for cause in told.causes)
    assert len(told.action) > 5


def test_the_service_is_named_in_what_to_do():
    """A command that a person pastes has the name in it."""
    rule = RULES["unit-exec-missing"]
    told = story((rule, rule.examples[0]))
    assert told.title.startswith("ollama cannot start")
    rule = RULES["unit-watchdog"]
    assert story((rule, rule.examples[0])).title == "conntrackd hangs: it gave no sign of life"


def test_a_failing_disk_comes_before_what_it_breaks():
    """The disk is the title; the service that cannot write is among the causes."""
    disk, full = RULES["raid-disk-failed"], RULES["input-output-error"]
    told = story((full, full.examples[0]), (disk, disk.examples[0]))
    assert told.title.startswith("Disk xvde failed")
    assert {cause.text for cause in told.causes} >= {disk.causes[0], full.causes[0]}


@pytest.mark.parametrize(
    ("why", "what"),
    [
        ("cuda-device-assert", "vllm-engine-dead"),
        ("vllm-memory-taken", "vllm-start-failed"),
        ("cuda-out-of-memory", "training-job-failed"),
        ("model-not-supported", "tgi-shard-failed"),
        ("shared-memory-too-small", "rank-crashed"),
        ("unit-exec-missing", "unit-failed"),
        ("unit-failed", "unit-dependency-failed"),
    ],
)
def test_the_cause_is_told_before_what_only_says_that_it_failed(why, what):
    """The reason is the title, however bad the other line sounds."""
    cause, effect = RULES[why], RULES[what]
    told = story((effect, effect.examples[0]), (cause, cause.examples[0]))
    assert told.causes[0].text == cause.causes[0]
    assert told.action[:20] == cause.action[:20]


def test_what_only_says_that_it_failed_is_told_alone():
    """With nothing else seen, it is the incident."""
    rule = RULES["vllm-engine-dead"]
    assert story((rule, rule.examples[0])).title == "The engine of vllm died"
