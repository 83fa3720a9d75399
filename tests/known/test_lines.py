"""Findings from log lines: what, where, how long, how often."""

import json

import polars as pl
import pytest
from tests.known.stream import at, died, event, kernel, logs, of_logs, run, samples

from boxwatch.detections.detection import Severity
from boxwatch.detections.known import RULES, KnownFailures, Override
from boxwatch.events.schema import Events

XID = "NVRM: Xid (PCI:0000:41:00): {}, pid=77, name=python, what it says"


def test_a_finding_lasts_from_the_first_line_to_the_last():
    """It opens with its first line and, 60 s after the last, closes with that line's time."""
    found = of_logs(kernel((0, XID.format(79)), (30, XID.format(79))))["xid-79"]
    assert (found.start, found.end, found.open) == (at(0), at(30), False)
    assert found.severity == Severity.CRITICAL


def test_a_finding_stays_open_for_a_minute():
    """Until 60 s of event time after its last line, it goes on."""
    known = KnownFailures()
    (found,) = known.add(Events(logs=kernel((0, XID.format(79)))), at(1))
    assert found.open
    assert known.add(Events(), at(59)) == []
    assert [d.open for d in known.add(Events(), at(61))] == [False]


def test_lines_far_apart_are_two_findings():
    """The same rule an hour later begins anew."""
    frame = kernel((0, XID.format(79)), (3600, XID.format(79)))
    found = run(Events(logs=frame), 9000)
    assert [d.start for d in found] == [at(0), at(3600)]


def test_a_reason_quotes_the_line_and_names_it():
    """Evidence: the text and the event id."""
    (reason,) = of_logs(kernel((0, XID.format(79))))["xid-79"].reasons
    assert reason.text.startswith("Xid 79: NVRM: Xid (PCI:0000:41:00): 79, pid=77")
    assert reason.event_id == 1


def test_an_application_xid_becomes_worse_when_it_repeats():
    """Xid 13 is a note; five within an hour are not."""
    once = of_logs(kernel((0, XID.format(13))))
    often = of_logs(kernel(*[(i * 20, XID.format(13)) for i in range(5)]))
    assert (once["xid-13"].severity, often["xid-13"].severity) == ("low", "medium")


def test_a_burst_of_one_second_counts_once():
    """One fault that prints a line per processor, or arrives by two ways, is one occurrence."""
    frame = kernel(*[(i / 100, XID.format(13)) for i in range(50)])
    assert of_logs(frame)["xid-13"].severity == "low"


def test_an_unlisted_xid_is_still_found():
    """A code newer than the catalogue is a finding, not silence."""
    assert of_logs(kernel((0, XID.format(999))))["xid"].entity == "gpu:0000:41:00"


@pytest.mark.parametrize("address", ["0000:41:00", "00000000:41:00.0", "0000:41:00.0"])
def test_a_given_mapping_names_the_gpu(address):
    """However the address is spelt, the GPU is known by its index."""
    known = KnownFailures(pci_to_gpu={address: 3})
    assert of_logs(kernel((0, XID.format(79))), known=known)["xid-79"].entity == "gpu:3"


def test_the_mapping_is_learnt_from_the_stream():
    """The driver tells address and uuid, a GPU record tells uuid and index."""
    told = json.dumps({"index": 2, "uuid": "GPU-509665ad"})
    frame = logs(
        [
            (0, {"source": "gpu", "attributes": told}),
            (1, {"message": "NVRM: GPU at PCI:0000:41:00: GPU-509665ad"}),
            (2, {"message": XID.format(79)}),
        ]
    )
    assert of_logs(frame)["xid-79"].entity == "gpu:2"


def test_the_only_gpu_needs_no_mapping():
    """With one GPU on the host, whatever the address, it is that one."""
    known = KnownFailures()
    known.add(Events(samples=samples("gpu:0", range(2), temperature_celsius=50.0)), at(2))
    found = known.add(Events(logs=kernel((5, XID.format(79)))), at(6))
    assert [d.entity for d in found] == ["gpu:0"]


def test_a_container_cannot_speak_for_the_kernel():
    """A program that prints an Xid line is not believed."""
    row = {"source": "docker", "subtype": "stdout", "message": XID.format(79)}
    assert of_logs(logs([(0, row)])) == {}


def test_the_kernel_is_heard_through_the_journal():
    """Kernel lines that come by journald count as the kernel's."""
    row = {"source": "systemd", "unit": "kernel", "message": XID.format(79)}
    assert set(of_logs(logs([(0, row)]))) == {"xid-79"}


def test_a_killed_container_is_found_by_its_cgroup():
    """The kernel knows the id; the name was learnt from the container's own lines."""
    full = "4f5e" * 16
    line = (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/system.slice/docker-{full}"
        ".scope,task_memcg=/x,task=python,pid=42,uid=0"
    )
    frame = logs(
        [
            (0, {"source": "docker", "container_id": full, "container_name": "vllm"}),
            (5, {"message": line}),
            (5.1, {"message": "Memory cgroup out of memory: Killed process 42 (python)"}),
        ]
    )
    found = of_logs(frame)
    assert found["container-oom-kill"].entity == "service:vllm"
    assert found["cgroup-oom-kill"].entity == "service:vllm"


def test_a_killed_pod_is_the_container_and_not_the_slice_that_was_full():
    """The limit may stand on a slice above; what was killed is named by the task's own cgroup."""
    (line,) = RULES["container-oom-kill"].examples
    line = line.replace("/lxc.payload.ny2g2r5hh3-lxc", "")
    assert of_logs(kernel((0, line)))["container-oom-kill"].entity == "service:ec9ee26695de"


def test_a_container_within_a_container_is_the_one_this_machine_knows():
    """The kernel of the machine tells of processes in a system container; that is what is named."""
    (line,) = RULES["container-oom-kill"].examples
    found = of_logs(kernel((0, line)))["container-oom-kill"]
    assert found.entity == "service:ny2g2r5hh3-lxc"


def test_a_victim_of_the_whole_machine_is_named_too():
    """The host ran out of memory; the service that the kernel chose is a finding of its own."""
    line = (
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
        "task_memcg=/system.slice/ollama.service,task=ollama,pid=9,uid=0"
    )
    frame = kernel((0, line), (0.1, "Out of memory: Killed process 9 (ollama) total-vm:1kB"))
    found = of_logs(frame)
    assert found["host-oom-victim"].entity == "service:ollama"
    assert found["host-oom-kill"].entity == "host"


def test_an_error_told_by_nvml_is_the_error_of_the_kernel_log():
    """One finding where both tell it; alone where the kernel log cannot be read."""
    told = {
        "source": "gpu",
        "subtype": "xid",
        "message": "NVML: Xid (PCI:00000000:41:00.0): 79, on",
    }
    both = logs([(0, {"message": XID.format(79)}), (0.2, told)])
    known = KnownFailures(pci_to_gpu={"0000:41:00": 1})
    (found,) = run(Events(logs=both), 3600, known)
    assert (found.name, found.entity, len(found.reasons)) == ("xid-79", "gpu:1", 1)
    assert set(of_logs(logs([(0, told)]))) == {"xid-79"}


def test_an_error_on_an_instance_is_one_of_its_card():
    """A card that is split into instances names the one concerned in its address."""
    line = "NVRM: Xid (PCI:0000:41:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel (0x9)."
    known = KnownFailures(pci_to_gpu={"0000:41:00": 1})
    assert of_logs(kernel((0, line)), known=known)["xid-94"].entity == "gpu:1"


def test_a_host_out_of_memory_names_the_host():
    """The victim's name is in the evidence; the host is what ran out."""
    line = "Out of memory: Killed process 9 (python3) total-vm:1kB, anon-rss:58123456kB"
    found = of_logs(kernel((0, line)))["host-oom-kill"]
    assert (found.entity, found.severity) == ("host", "critical")


@pytest.mark.parametrize(
    ("line", "entity"),
    [
        ("blk_update_request: I/O error, dev sda1, sector 1", "disk:sda"),
        ("Buffer I/O error on dev nvme0n1p2, logical block 1", "disk:nvme0n1"),
        ("Buffer I/O error on dev dm-1, logical block 1", "disk:dm-1"),
    ],
)
def test_an_io_error_names_the_disk(line, entity):
    """The disk, not its partition."""
    assert of_logs(kernel((0, line)))["disk-io-error"].entity == entity


def test_a_failed_unit_is_named_as_the_service_view_names_it():
    """Unit and service are one entity: the suffix is left out."""
    row = {"source": "systemd", "message": "ollama.service: Failed with result 'exit-code'."}
    assert of_logs(logs([(0, row)]))["unit-failed"].entity == "service:ollama"


def test_a_container_that_dies_once_has_stopped_with_an_error():
    """One exit with a code is no loop."""
    assert set(of_logs(logs([died(0)]))) == {"container-died"}


def test_a_clean_exit_is_nothing():
    """Exit code 0 is no failure."""
    assert of_logs(logs([died(0, code=0)])) == {}


def test_three_deaths_in_five_minutes_are_a_loop():
    """The loop began with the first of them."""
    found = of_logs(logs([died(0), died(60), died(120)]))["container-crash-loop"]
    assert (found.start, found.end, found.entity) == (at(0), at(120), "service:vllm")


def test_three_deaths_in_an_hour_are_no_loop():
    """Slow repetition is another matter."""
    assert "container-crash-loop" not in of_logs(logs([died(0), died(900), died(1800)]))


def test_deaths_of_different_containers_are_no_loop():
    """Each container is counted for itself."""
    found = of_logs(logs([died(0, "a"), died(10, "b"), died(20, "c")]))
    assert "container-crash-loop" not in found


def test_a_container_that_was_told_to_stop_is_no_finding():
    """`docker stop` sends a signal first; the exit code 137 after it is expected."""
    assert of_logs(logs([(0, event("kill")), died(10, code=137)])) == {}


def test_oom_events_are_one_finding():
    """Docker reports one kill several times."""
    frame = logs([(i / 10, event("oom")) for i in range(4)])
    assert len(run(Events(logs=frame), 600)) == 1


def test_a_switched_off_rule_is_silent():
    """A person's override holds, also when it comes as a plain table."""
    known = KnownFailures({"xid-79": Override(enabled=False), "xid": {"enabled": False}})
    assert of_logs(kernel((0, XID.format(79))), known=known) == {}


def test_hostile_lines_do_no_harm():
    """Huge, empty and binary-looking lines pass."""
    rows = [(0, {"message": "NVRM: Xid " * 100_000}), (1, {"message": ""}), (2, {"message": None})]
    assert of_logs(logs(rows)) == {}


def test_lines_of_several_sources_in_one_batch_are_read():
    """As they come live: tables laid one after the other, a line of the journal before events."""
    journal = logs([(0, {"source": "systemd", "message": "x" * 40 + " error: soft lockup failed"})])
    events = logs([(n, event("exec_die")) for n in (1, 2)] + [died(3)])
    oom = logs([(4, {"message": "Out of memory: Killed process 1 (python) total-vm:1kB"})])
    laid = pl.concat([journal, events, oom])
    found = KnownFailures().add(Events(logs=laid), at(5))
    assert found
    assert found == KnownFailures().add(Events(logs=laid.rechunk()), at(5))
