"""Grouping: what becomes one incident and what stays apart."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.incidents.findings import at, known, unusual

from boxwatch.detections.detection import Severity
from boxwatch.errors import UsageError
from boxwatch.incidents import Grouper, State

CARD = "gpu:0000:41:00"


def _grouped(*found, until=3600.0):
    """The last word on every incident, by id, when all findings come at once."""
    grouper = Grouper()
    told = [*grouper.add(found, at(0)), *grouper.add([], at(until))]
    return list({incident.id: incident for incident in told}.values())


def test_a_rule_and_a_statistic_about_one_thing_are_one_incident():
    """The rule names it; both are its evidence."""
    (one,) = _grouped(
        unusual("gpu:0", 0, 100, "temperature", "fan"),
        known("gpu-thermal-slowdown", "gpu:0", 40, 120),
    )
    assert one.title == "GPU 0 slows itself down because it is too hot"
    assert len(one.detections) == 2


def test_a_cascade_is_one_incident_with_the_root_as_title():
    """A card is lost, its service errs, its container dies."""
    (one,) = _grouped(
        known("container-died", "service:vllm", 20, severity="medium"),
        unusual("service:vllm", 10, 60, "errors"),
        known("xid-79", "gpu:1", 0, severity="critical"),
    )
    assert (one.title, one.entity) == ("GPU 1 fell off the PCIe bus", "gpu:1")
    assert one.entities == ("gpu:1", "service:vllm")


def test_faults_of_two_cards_stay_apart():
    """Even at the same time, and even when the host is touched by the first."""
    found = _grouped(
        known("gpu-ecc-uncorrected", "gpu:0", 0),
        unusual("host", 5, 60, "cpu_busy"),
        known("gpu-power-brake", "gpu:1", 10),
    )
    assert sorted(one.entity for one in found) == ["gpu:0", "gpu:1"]


def test_faults_far_apart_stay_apart():
    """Twenty minutes later the same host has another problem."""
    found = _grouped(known("unit-failed", "service:a", 0), known("disk-full", "fs:/", 1200))
    assert len(found) == 2


def test_a_new_fault_does_not_join_one_that_began_long_ago():
    """An open incident does not swallow what begins hours into it elsewhere."""
    found = _grouped(
        known("disk-full", "fs:/", 0, 9000, still=True), known("unit-failed", "service:a", 7200)
    )
    assert len(found) == 2


def test_a_known_consequence_joins_while_its_cause_lasts():
    """An hour into a full disk, what cannot be written is no other incident."""
    found = _grouped(
        known("disk-full", "fs:/", 0, 4000, still=True), known("no-space-left", "service:db", 3600)
    )
    assert [one.title for one in found] == ["File system / is nearly full"]


def test_hosts_never_share_an_incident():
    """The same fault on two machines is two incidents."""
    one = unusual("host", 0, 60, "cpu_busy")
    assert len(_grouped(one, replace(one, host="other"))) == 2


def test_what_comes_back_soon_is_the_same_incident():
    """Two minutes of quiet are not the end."""
    (one,) = _grouped(known("xid-13", "gpu:0", 0, 30), known("xid-13", "gpu:0", 150, 160))
    assert (one.start, one.end) == (at(0), at(160))


def test_what_comes_back_late_is_another_incident():
    """Five quiet minutes are late, and a quarter of an hour for the same finding again."""
    assert len(_grouped(known("xid-13", "gpu:0", 0), known("xid-31", "gpu:0", 300))) == 2
    assert len(_grouped(known("xid-13", "gpu:0", 0), known("xid-13", "gpu:0", 300))) == 1
    assert len(_grouped(known("xid-13", "gpu:0", 0), known("xid-13", "gpu:0", 1200))) == 2


def test_an_address_and_an_index_become_one_card():
    """The kernel's card and the readings' card vanish together; the index is shown."""
    (one,) = _grouped(
        known("xid-79", CARD, 0, severity="critical"), known("gpu-not-answering", "gpu:1", 2, 60)
    )
    assert (one.entity, one.title) == ("gpu:1", "GPU 1 fell off the PCIe bus")


def test_a_card_once_recognised_stays_known():
    """A later line with the address alone is about the same index."""
    grouper = Grouper()
    grouper.add([known("xid-79", CARD, 0), known("gpu-not-answering", "gpu:1", 2, 60)], at(60))
    later = grouper.add([known("xid-63", CARD, 9000)], at(9000))[-1]
    assert (later.start, later.entity) == (at(9000), "gpu:1")


def test_an_incident_opens_grows_and_resolves():
    """Open while a finding is open, resolved soon after the last, the id stays."""
    grouper = Grouper()
    (first,) = grouper.add([unusual("host", 0, 10, "cpu_busy", still=True)], at(10))
    (grown,) = grouper.add([unusual("host", 0, 60, "cpu_busy")], at(60))
    assert grouper.add([], at(80)) == []
    (ended,) = grouper.add([], at(100))
    assert [i.state for i in (first, grown, ended)] == [State.OPEN, State.OPEN, State.RESOLVED]
    assert first.id == grown.id == ended.id


def test_a_resolved_incident_opens_again():
    """What begins two minutes later is more of the same, though it had been called resolved."""
    grouper = Grouper()
    (first,) = grouper.add([unusual("host", 0, 60, "cpu_busy")], at(60))
    assert grouper.add([], at(100))[0].state is State.RESOLVED
    (again,) = grouper.add([unusual("host", 180, 190, "cpu_busy", still=True)], at(190))
    assert (again.id, again.state) == (first.id, State.OPEN)


def test_nothing_new_is_not_told_again():
    """Only incidents that changed come back."""
    grouper = Grouper()
    found = [known("xid-79", "gpu:0", 0)]
    assert len(grouper.add(found, at(1))) == 1
    assert grouper.add(found, at(2)) == []


def test_a_persons_word_is_kept():
    """A false alarm stays one however it goes on."""
    grouper = Grouper()
    (one,) = grouper.add([unusual("host", 0, 10, "cpu_busy", still=True)], at(10))
    assert grouper.mark(one.id, State.FALSE_ALARM).state is State.FALSE_ALARM
    (grown,) = grouper.add([unusual("host", 0, 60, "cpu_busy")], at(60))
    assert grown.state is State.FALSE_ALARM


@pytest.mark.parametrize(("name", "state"), [("nope", State.ACKNOWLEDGED), (None, State.RESOLVED)])
def test_a_mark_that_cannot_be_is_refused(name, state):
    """An unknown incident, or a state that only the machine sets."""
    grouper = Grouper()
    (one,) = grouper.add([known("xid-79", "gpu:0", 0)], at(1))
    with pytest.raises(UsageError):
        grouper.mark(one.id if name is None else name, state)


def test_severity_is_the_worst_and_a_step_more_when_wide():
    """Three entities make a medium incident a high one."""
    narrow = _grouped(known("container-died", "service:a", 0, severity="medium"))
    wide = _grouped(
        known("container-died", "service:a", 0, severity="medium"),
        known("container-died", "service:b", 5, severity="low"),
        unusual("host", 5, 30, "cpu_busy"),
    )
    assert [one.severity for one in narrow + wide] == [Severity.MEDIUM, Severity.HIGH]


STREAM = [
    known("xid-79", CARD, 0, severity="critical"),
    known("gpu-not-answering", "gpu:1", 2, 400, severity="critical"),
    known("container-died", "service:vllm", 20, severity="medium"),
    unusual("host", 30, 90, "cpu_busy"),
    known("source-down", "source:gpu", 60, 200),
    known("xid-31", "gpu:0", 700, severity="low"),
    unusual("gpu:0", 710, 760, "temperature", "fan"),
    known("disk-full", "fs:/", 2400, 2500),
    known("no-space-left", "service:db", 2430),
    known("xid-31", "gpu:0", 2450, severity="low"),
]


def _in_cuts(cuts, *, reload=False):
    grouper, told = Grouper(), {}
    edges = sorted({0, len(STREAM), *cuts})
    for begin, end in pairwise(edges):
        if reload:
            state = json.loads(json.dumps(grouper.save()))
            grouper = Grouper()
            grouper.load(state)
        part = STREAM[begin:end]
        told |= {i.id: i for i in grouper.add(part, part[-1].end)}
    return told | {i.id: i for i in grouper.add([], at(9000))}


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(1, len(STREAM) - 1)))
def test_the_cut_into_calls_does_not_matter(cuts):
    """Findings in the same order give the same incidents, however they are handed on."""
    assert _in_cuts(cuts) == _in_cuts([])


def test_a_restart_between_calls_changes_nothing():
    """Saved as JSON and loaded before every call."""
    assert _in_cuts(range(1, len(STREAM)), reload=True) == _in_cuts([])


def test_a_lost_host_takes_no_fault_along_that_came_before():
    """Its sources fall silent first, beside another fault, and then it is known to be lost."""
    found = _grouped(
        known("container-oom", "service:trainer", 0, severity="high"),
        known("source-down", "source:docker", 50, 90, severity="medium"),
        known("host-unreachable", "host", 52, 90),
    )
    assert sorted(len(one.detections) for one in found) == [1, 2]


def test_a_restart_and_a_lost_host_are_incidents_of_their_own():
    """A crash loop just before a restart keeps its title, and the restart has its own."""
    found = _grouped(
        known("unit-start-limit", "service:model", 0, severity="critical"),
        known("host-restarted", "host", 20, severity="low"),
        known("host-unreachable", "host", 40, 90),
        known("source-down", "source:docker", 50, 90, severity="medium"),
    )
    assert sorted(len(one.detections) for one in found) == [1, 1, 2]
    titles = {one.entity: one.title for one in found if one.entity.startswith("service")}
    assert "again and again" in titles["service:model"]
