"""What happens to GPUs: cards found, processes on them, errors their driver reports."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.events import METRICS, RawChunk, normalise

AT = {"host": "h", "collected_at": "2024-05-01T12:00:00.5Z", "index": "1"}
CARD = AT | {
    "what": "card",
    "uuid": "GPU-5b1e",
    "pci.bus_id": "00000000:41:00.0",
    "name": "NVIDIA H200",
    "driver_version": "590.48.01",
}
VLLM = {"owner_kind": "container", "owner": "4f5e" * 16, "container_name": "vllm"}
TRAIN = {"owner_kind": "unit", "owner": "train.service", "container_name": ""}


def used(*processes, changed=True, index="1"):
    """A record of the processes on a card."""
    return AT | {
        "what": "processes",
        "index": index,
        "changed": changed,
        "processes": list(processes),
    }


def process(pid, mib, owner, name="/usr/bin/python3"):
    """One process."""
    return {"pid": pid, "name": name, "memory_mib": mib, **owner}


def test_a_card_is_a_line_that_links_its_names(read) -> None:
    """Index, PCI address and uuid stand together, in words and as attributes."""
    (row,) = read("gpu_events", CARD).logs.rows(named=True)
    assert row["message"] == (
        "GPU 1 is NVIDIA H200 at 00000000:41:00.0 (GPU-5b1e), driver 590.48.01."
    )
    told = json.loads(row["attributes"])
    assert (told["index"], told["pci.bus_id"], told["uuid"]) == (
        "1",
        "00000000:41:00.0",
        "GPU-5b1e",
    )
    assert (row["source"], row["subtype"], row["unit"]) == ("gpu", "card", None)


def test_an_error_the_driver_reports_is_a_line(read) -> None:
    """Code, address and card."""
    (row,) = read("gpu_events", CARD | {"what": "xid", "xid": 79}).logs.rows(named=True)
    assert row["message"] == "NVML: Xid (PCI:00000000:41:00.0): 79, on GPU 1"
    assert row["severity"] == 17


def test_who_uses_a_card_is_said_when_it_changes(read) -> None:
    """The largest first; the same set again gives no second line."""
    processes = [process(7, 100, TRAIN), process(8, 900, VLLM), process(9, 600, VLLM)]
    first = read("gpu_events", used(*processes)).logs
    assert first["message"].to_list() == [
        "GPU 1 is used by vllm (2 processes, 1500 MiB), train (1 process, 100 MiB)."
    ]
    told = json.loads(first["attributes"].item())["processes"]
    assert [(item["pid"], item["service"]) for item in told] == [
        (7, "service:train"),
        (8, "service:vllm"),
        (9, "service:vllm"),
    ]
    assert read("gpu_events", used(*processes, changed=False)).logs.height == 0


def test_a_card_that_nobody_uses_says_so(read) -> None:
    """An empty list is a fact."""
    assert read("gpu_events", used()).logs["message"].item() == "GPU 1 is used by no process."


def test_a_service_holds_memory_on_all_its_cards(read) -> None:
    """One sample a service and reading, in bytes."""
    records = [
        used(process(7, 100, VLLM), index="0", changed=False),
        used(process(8, 200, VLLM), process(9, 50, TRAIN), changed=False),
    ]
    samples = read("gpu_events", *records).samples
    found = {row["entity"]: row["value"] for row in samples.iter_rows(named=True)}
    assert found == {"service:vllm": 300 * 2**20, "service:train": 50 * 2**20}
    assert set(samples["metric"]) <= set(METRICS)


@pytest.mark.parametrize("mib", [None, "[N/A]", float("nan"), -1])
def test_memory_that_is_not_told_is_unknown(read, mib) -> None:
    """A sum with an unknown part is unknown, with the reason."""
    samples = read("gpu_events", used(process(7, 100, VLLM), process(8, mib, VLLM))).samples
    assert samples.select("value", "reason").row(0) == (None, "[N/A]")


def test_a_container_without_a_known_name_goes_by_its_id(read) -> None:
    """The short form people know."""
    samples = read("gpu_events", used(process(7, 1, VLLM | {"container_name": ""}))).samples
    assert samples["entity"].to_list() == ["service:4f5e4f5e4f5e"]


@pytest.mark.parametrize(
    "change",
    [{"what": "party"}, {"what": None}, {"index": "x"}, {"what": "xid", "xid": "many"}],
)
def test_a_record_that_is_none_of_these_is_set_aside(read, change) -> None:
    """With the reason; the next record is read."""
    events = read("gpu_events", CARD | change, CARD)
    assert (events.logs.height, events.quarantined.height) == (1, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
KEYS = st.sampled_from([*CARD, "xid", "processes", "changed", "pid", "owner", "owner_kind"])
WHATS = st.sampled_from(["card", "processes", "xid"])


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON))), WHATS)
def test_no_record_does_harm(record, what) -> None:
    """Whatever a record holds, it and the one after it are read or set aside."""
    lines = b"".join(
        json.dumps(one).encode() + b"\n" for one in (CARD | record | {"what": what}, CARD)
    )
    events = normalise(RawChunk("gpu_events", lines, "h", "o"))
    assert events.logs.filter(events.logs["message"].str.starts_with("GPU 1 is NVIDIA")).height >= 1
