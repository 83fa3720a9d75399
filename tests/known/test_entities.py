"""Whom a known failure is about, and how often its line must come."""

import pytest
from tests.known.stream import kernel, logs, of_logs

from boxwatch.detections.known import RULES, KnownFailures, Override
from boxwatch.errors import SettingError
from boxwatch.settings import load

GUESS = "Failed password for root from 203.0.113.7 port 41022 ssh2"


def printed(*lines, **columns):
    """What a container prints: (seconds, text)."""
    row = {"source": "docker", "subtype": "stdout", "container_name": "vllm"} | columns
    return logs([(seconds, row | {"message": text}) for seconds, text in lines])


def example(rule):
    """The first example line of a rule."""
    return RULES[rule].examples[0]


@pytest.mark.parametrize(
    "rule",
    [
        "cuda-device-assert",
        "cuda-no-device",
        "nccl-system-error",
        "vllm-engine-dead",
        "model-file-missing",
        "port-in-use",
        "too-many-open-files",
        "disk-quota-exceeded",
    ],
)
def test_what_a_program_says_is_about_its_service(rule):
    """The container that printed it."""
    assert of_logs(printed((0, example(rule))))[rule].entity == "service:vllm"


def test_a_unit_that_prints_is_the_service():
    """The same line from a unit's output."""
    row = {"source": "systemd", "unit": "ollama.service", "message": example("ollama-runner-died")}
    assert of_logs(logs([(0, row)]))["ollama-runner-died"].entity == "service:ollama"


@pytest.mark.parametrize(
    ("rule", "entity"),
    [
        ("unit-watchdog", "service:conntrackd"),
        ("unit-oom-killed", "service:user@*"),
        ("oomd-kill", "service:user@*"),
        ("journal-suppressed", "service:wickedd"),
        ("unit-dependency-failed", "host"),
    ],
)
def test_what_systemd_says_is_about_the_unit_it_names(rule, entity):
    """And about the machine where it names none."""
    row = {"source": "systemd", "unit": "init.scope", "message": example(rule)}
    assert of_logs(logs([(0, row)]))[rule].entity == entity


@pytest.mark.parametrize(
    ("rule", "entity"),
    [
        ("gpu-gsp-boot-failed", "gpu"),
        ("raid-disk-failed", "disk:xvde"),
        ("scsi-command-failed", "disk:sdb"),
        ("conntrack-full", "host"),
        ("pcie-recovery-failed", "host"),
    ],
)
def test_what_the_kernel_says_is_about_the_part_it_names(rule, entity):
    """A card, a disk, or the machine."""
    assert of_logs(kernel((0, example(rule))))[rule].entity == entity


def test_a_card_is_known_by_its_address_in_any_rule():
    """Not the kernel alone names cards by their PCI address."""
    known = KnownFailures(pci_to_gpu={"0000:02:00": 1, "0000:07:00": 0})
    found = of_logs(printed((0, example("gpu-lost"))), known=known)
    assert found["gpu-lost"].entity == "gpu:1"
    fault = kernel(*[(second / 10, example("iommu-fault")) for second in range(4)])
    assert of_logs(fault, known=known)["iommu-fault"].entity == "gpu:0"


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.values() if rule.least > 1 and rule.origin in ("program", "kernel")],
    ids=lambda rule: rule.id,
)
def test_a_line_that_is_noise_alone_must_come_again(rule):
    """One is nothing; `least` of them within the window are a finding."""
    line = kernel if rule.origin == "kernel" else printed
    apart = min(rule.within_seconds / rule.least / 2, 30)
    often = line(*[(n * apart, rule.examples[0]) for n in range(rule.least)])
    assert rule.id not in of_logs(line((0, rule.examples[0])))
    assert rule.id in of_logs(often)


def test_tries_far_apart_are_no_attack():
    """Ten in five minutes are; ten in an hour are people who mistype."""
    few = printed(*[(n * 400, GUESS) for n in range(10)])
    assert of_logs(few) == {}


def test_a_person_sets_how_often_a_line_must_come():
    """A count and a window in the settings; without a window, an hour."""
    known = KnownFailures({"port-in-use": {"count": 3, "within_seconds": 60}})
    line = example("port-in-use")
    assert of_logs(printed((0, line), (30, line)), known=known) == {}
    known = KnownFailures({"port-in-use": Override(count=2)})
    assert set(of_logs(printed((0, line), (3000, line)), known=known)) == {"port-in-use"}


def test_the_count_of_an_xid_is_set_too():
    """A card that reports a harmless Xid now and then need not be heard each time."""
    xid = "NVRM: Xid (PCI:0000:41:00): 13, pid=77, name=python, what it says"
    often = kernel(*[(n * 20, xid) for n in range(3)])
    assert of_logs(often, known=KnownFailures({"xid-13": {"count": 5}})) == {}
    assert of_logs(often, known=KnownFailures({"xid-13": {"count": 3}}))["xid-13"].reasons


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("port-in-use", {"count": 0}),
        ("port-in-use", {"count": True}),
        ("port-in-use", {"within_seconds": -1}),
        ("port-in-use", {"colour": "red"}),
        ("disk-full", {"count": 3}),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(rule, change):
    """The error names the rule and what can be set."""
    with pytest.raises(SettingError, match=rule):
        KnownFailures({rule: change})


def test_the_settings_file_takes_a_count(tmp_path, monkeypatch):
    """As a person writes it, with a unit."""
    monkeypatch.chdir(tmp_path)
    text = '[detections.rules.port-in-use]\ncount = 3\nwithin_seconds = "10m"\n'
    (tmp_path / "boxwatch.toml").write_text(text)
    rule = load(environ={}).detections.rules["port-in-use"]
    assert (rule.count, rule.within_seconds) == (3, 600)
