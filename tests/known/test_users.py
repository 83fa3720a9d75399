"""Who uses a card: learnt when it changes, told with the findings about the card."""

import json

from tests.known.stream import at, logs, samples

from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import Events

VLLM = {"pid": 77, "name": "/usr/bin/python3", "memory_mib": 2048, "service": "service:vllm"}
TRAIN = {"pid": 78, "name": "train", "memory_mib": 512, "service": "service:train"}
BARE = {"pid": 79, "name": "./gpu_burn", "memory_mib": None, "service": None}
XID = "NVRM: Xid (PCI:0000:41:00): 31, pid=77, name=python3, MMU Fault"


def card(second, **more):
    """The line that says which card stands where."""
    told = {"index": "1", "pci.bus_id": "00000000:41:00.0", "uuid": "GPU-1"}
    return (second, {"source": "gpu", "subtype": "card", "attributes": json.dumps(told | more)})


def used(second, *processes, index="1"):
    """The line that says who uses a card."""
    told = {"index": index, "processes": list(processes)}
    return (second, {"source": "gpu", "subtype": "processes", "attributes": json.dumps(told)})


def reasons(known, *batches):
    """The reasons of the Xid in the last of these batches of lines."""
    found = []
    for second, rows in enumerate(batches):
        found = known.add(Events(logs=logs(rows)), at(second + 1))
    (xid,) = [one for one in found if one.name == "xid-31"]
    return [reason.text for reason in xid.reasons]


def test_the_address_is_known_from_an_earlier_batch():
    """Card and error need not come together, nor before a restart."""
    known, again = KnownFailures(), KnownFailures()
    known.add(Events(logs=logs([card(0)])), at(1))
    again.load(json.loads(json.dumps(known.save())))
    (found,) = again.add(Events(logs=logs([(5, {"message": XID})])), at(6))
    assert found.entity == "gpu:1"


def test_a_card_that_moved_is_known_by_its_new_address():
    """The last word counts, also back to an earlier one within a batch."""
    rows = [card(0), card(1, index="0"), card(2), (5, {"message": XID})]
    (found,) = KnownFailures().add(Events(logs=logs(rows)), at(6))
    assert found.entity == "gpu:1"


def test_a_finding_names_the_services_on_the_card():
    """The process the kernel named, and everyone on the card with what they hold."""
    said = reasons(KnownFailures(), [card(0), used(1, TRAIN, VLLM, BARE)], [(2, {"message": XID})])
    assert said[1:] == [
        "process 77 is python3 of vllm",
        "the card is used by vllm (2.0 GiB), train (0.5 GiB), gpu_burn",
    ]


def test_what_is_told_of_a_finding_stays_with_it():
    """The process dies of the fault; who it was is still said when the finding grows."""
    known = KnownFailures()
    first = reasons(known, [card(0), used(1, VLLM)], [(2, {"message": XID})])
    later = [used(61, TRAIN), *((50 + i * 20, {"message": XID}) for i in range(4))]
    assert reasons(known, later)[-2:] == first[-2:]


def test_a_card_that_nobody_uses_says_nothing_of_users():
    """And users of another card are not its own."""
    said = reasons(KnownFailures(), [card(0), used(1, VLLM, index="0")], [(2, {"message": XID})])
    assert len(said) == 1


def test_a_lost_card_names_its_services():
    """Findings from readings do so too."""
    known = KnownFailures()
    values = [60.0] * 20 + [None] * 40
    frame = samples("gpu:1", range(60), temperature_celsius=values)
    (found,) = known.add(Events(logs=logs([card(0), used(1, VLLM)]), samples=frame), at(60))
    assert found.reasons[-1].text == "the card is used by vllm (2.0 GiB)"
