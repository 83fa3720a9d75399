"""Titles, ranked causes and actions."""

from dataclasses import replace

import pytest
from tests.incidents.findings import known, unusual

from boxwatch.detections.detection import LATEST, Kind, Reason
from boxwatch.detections.known import RULES
from boxwatch.features import VIEWS
from boxwatch.incidents.causes import PATTERNS, root_first, tell


def _story(*found):
    return tell(root_first(found), "box", {})


@pytest.mark.parametrize(
    ("entity", "features", "title"),
    [
        ("gpu:0", ("fan", "temperature"), "GPU 0 runs hot: its cooling seems to fail"),
        ("gpu:0", ("idle_power_at_load", "power"), "GPU 0 looks busy but does no work"),
        ("gpu:1", ("memory_climb", "memory_used"), "GPU 1: device memory grows"),
        ("host", ("memory_climb", "memory_used"), "box: memory falls steadily"),
        ("host", ("disk_busy", "disk_latency"), "box: the disk is saturated"),
        ("host", ("processes", "load"), "box has unusually many processes"),
        ("host", ("net_packets", "net_received"), "box has unusual network traffic"),
        ("host", ("cpu_busy", "cpu_pressure"), "box: the processors are overloaded"),
        ("service:api", ("errors", "new_templates"), "api logs errors of a new kind"),
        ("service:api", ("lines",), "api logs at an unusual rate"),
    ],
)
def test_features_together_have_a_name(entity, features, title):
    """The table turns unusual features into what a person calls them."""
    assert _story(unusual(entity, 0, 60, *features)).title.startswith(title)


def test_a_feature_of_no_pattern_says_so():
    """No cause is invented where none is known."""
    story = _story(unusual("host", 0, 60, "moon_phase"))
    assert story.title == "box behaves unusually"
    assert [cause.confidence for cause in story.causes] == [0.1]


def test_a_known_cause_comes_before_a_statistical_one():
    """The rule's causes first, each with its evidence and its source."""
    story = _story(
        unusual("gpu:0", 0, 60, "temperature"), known("gpu-thermal-slowdown", "gpu:0", 5, 60)
    )
    assert story.causes[0].text == RULES["gpu-thermal-slowdown"].causes[0]
    assert story.causes[0].why.startswith("what was seen [rule gpu-thermal-slowdown, 2025")
    assert story.action == RULES["gpu-thermal-slowdown"].action


def test_two_lines_of_one_kill_are_one_cause():
    """What a line says that only follows another one was said by that."""
    kills = (known("container-oom-kill", "service:api", 0), known("cgroup-oom-kill", "host", 0))
    texts = [cause.text for cause in _story(*kills).causes]
    assert texts == list(RULES["container-oom-kill"].causes)
    alone = _story(known("cgroup-oom-kill", "host", 0))
    assert [cause.text for cause in alone.causes] == list(RULES["cgroup-oom-kill"].causes)


def test_what_only_points_at_a_line_is_no_reason():
    """The latest of the lines is shown with the lines, not said as a cause."""
    found = unusual("service:api", 0, 60, "errors")
    reasons = (*found.reasons, Reason(LATEST, event_id=9))
    story = _story(replace(found, kind=Kind.NOVELTY, name="new-error", reasons=reasons))
    assert [cause.why for cause in story.causes] == ["errors is far off"]
    assert story.causes[0].text == "No known pattern fits"


def test_causes_are_ranked_and_sure_between_nothing_and_one():
    """Most believed first."""
    story = _story(known("xid-79", "gpu:0", 0), unusual("gpu:0", 0, 60, "fan", "temperature"))
    sure = [cause.confidence for cause in story.causes]
    assert sure == sorted(sure, reverse=True)
    assert all(0 < one <= 1 for one in sure)


def test_a_title_names_what_the_line_named():
    """The victim of the kernel stands in the title."""
    line = "Out of memory: Killed process 991 (python3) total-vm:1kB"
    story = _story(known("host-oom-kill", "host", 0, text=line))
    assert story.title == "box ran out of memory and killed python3"


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_title_without_gaps(rule):
    """Also when the evidence line does not tell the names."""
    title = _story(known(rule, "gpu:0", 0)).title
    assert "{" not in title
    assert len(title) < 90


def test_silence_and_novelty_speak_for_themselves():
    """They need no table."""
    base = unusual("service:api", 0, 60)
    kinds = {Kind.SILENCE: "log-silence", Kind.NOVELTY: "new-error"}
    titles = []
    for kind, name in kinds.items():
        found = type(base)(
            **{f: getattr(base, f) for f in base.__slots__} | {"kind": kind, "name": name}
        )
        titles.append(_story(found).title)
    assert titles == ["api stopped logging", "api reports an error never seen before"]


def silence(entity, start, end):
    """A service that writes nothing."""
    return replace(unusual(entity, start, end), kind=Kind.SILENCE, name="log-silence", reasons=())


@pytest.mark.parametrize("ended", ["container-died", "unit-failed"])
def test_a_service_that_hung_and_was_ended_hung(ended):
    """What began first names the incident, and is the likelier cause; its end is the next one."""
    story = _story(known(ended, "service:vllm", 1200), silence("service:vllm", 0, 1195))
    assert story.title == "vllm stopped logging"
    assert [one.text for one in story.causes][:2] == [
        "It hangs, or its output is blocked",
        RULES[ended].causes[0],
    ]
    assert "restart it if it hangs" in story.action


@pytest.mark.parametrize(
    ("entity", "start"), [("service:vllm", 1150), ("service:vllm", 1250), ("service:web", 0)]
)
def test_a_silence_that_comes_with_the_end_is_its_consequence(entity, start):
    """So is one of another service: the end names the incident."""
    story = _story(known("container-died", "service:vllm", 1200), silence(entity, start, 1300))
    assert story.title == "vllm stopped with an error"
    assert story.causes[0].text == RULES["container-died"].causes[0]


def test_what_ended_a_service_that_hung_is_told_where_it_is_known():
    """Another known failure tells more than the silence before it."""
    found = known("host-oom-kill", "host", 1195), known("container-died", "service:vllm", 1200)
    assert "ran out of memory" in _story(*found, silence("service:vllm", 0, 1195)).title


def test_every_feature_of_every_view_has_a_cause():
    """No feature can be unusual without a word for it."""
    for view in VIEWS.values():
        named = {f for p in PATTERNS if p.entity == view.name for f in (*p.all, *p.any)}
        assert set(view.columns) <= named, view.name


def test_an_action_names_the_entity_as_a_shell_reads_a_name():
    """Commands can be pasted: the unit's name is in them, quoted where it could do harm."""
    found = known("unit-failed", "service:x; rm -rf ~.service", 0)
    assert "journalctl -u 'x; rm -rf ~.service' -n 50" in tell([found], "box", {}).action
