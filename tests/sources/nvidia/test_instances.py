"""Cards that are split (MIG): the memory and errors of each instance, as nvidia-smi tells them."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events import METRICS, RawChunk, normalise
from boxwatch.sources.nvidia_instances import instances

FOLDER = Path(__file__).with_name("captures")
CAPTURES = {"h100-mig-590.48.01": 4, "h200-mig-590.48.01": 5}
MIB = 2.0**20


@pytest.fixture
def split(smi, source, watch, rows):
    """The chunks up to the first list of instances of a captured card."""

    def of(name, **more):
        smi.set(capture=str(FOLDER / f"{name}.txt"), cards=1, **more)
        made = source(processes_every_s=0.2)
        listed = (lambda c: [r for r in rows(c, "gpu_events") if r["what"] == "mig"], None)
        return watch(made, listed)

    return of


def told(chunks):
    """The events of what happened to the cards."""
    return [normalise(chunk) for chunk in chunks if chunk.kind == "gpu_events"]


@pytest.mark.parametrize("name", CAPTURES)
def test_each_instance_has_its_memory(split, name):
    """By its own entity; they are parts of the card, and all metrics are known ones."""
    events = told(split(name))[-1]
    values = {(r["entity"], r["metric"]): r["value"] for r in events.samples.to_dicts()}
    assert {entity for entity, _ in values} == {f"gpu:0/mig:{n}" for n in range(CAPTURES[name])}
    for number in range(CAPTURES[name]):
        entity = f"gpu:0/mig:{number}"
        total, free = (values[entity, f"mig_memory_{what}_bytes"] for what in ("total", "free"))
        assert 5e9 < total < 2e11
        assert abs(total - free - values[entity, "mig_memory_used_bytes"]) <= 2 * MIB
        assert values[entity, "mig_ecc_uncorrected_sram_total"] == 0
    assert {metric for _, metric in values} <= set(METRICS)


def test_what_a_card_is_split_into_is_a_line(split):
    """Told once, with the instances in the attributes."""
    (line,) = [e.logs for e in told(split("h100-mig-590.48.01")) if "mig" in e.logs["subtype"]]
    (row,) = [row for row in line.to_dicts() if row["subtype"] == "mig"]
    assert row["message"].startswith("GPU 0 is split into 4 instances: 0 with 40448 MiB")
    assert '"gpu_instance":"9"' in row["attributes"]


def test_card_that_is_whole_is_not_asked(smi, source, watch, rows, tmp_path):
    """The page of all cards is costly: it is read where a card is split, and only there."""
    log = tmp_path / "starts"
    capture = FOLDER / "h100-80gb-hbm3-590.48.01.txt"
    smi.set(capture=str(capture), cards=1, log=str(log))
    watch(source(processes_every_s=0.1), (lambda c: len(rows(c, "gpu")) > 3, None))
    assert "-q\n" not in log.read_text()


def test_values_that_are_none_are_unknown():
    """With what nvidia-smi printed as the reason."""
    page = "GPU 00000000:00:09.0\n    MIG Device\n        Index : 1\n"
    page += "        FB Memory Usage\n            Used : [N/A]\n            Total : 9984 MiB\n"
    ((card, (found,)),) = instances(page).items()
    assert (card, found) == (
        "00000000:00:09.0",
        {"instance": "1", "memory_used": "[N/A]", "memory_total": "9984 MiB"},
    )


RECORD = b'{"host":"box","collected_at":"2026-03-01T12:00:00Z","what":"mig","index":"0",'


def test_unknown_values_become_samples_with_a_reason():
    """Never zero, never left out."""
    line = RECORD + b'"instances":[{"instance":"1","memory_used":"[N/A]"}]}\n'
    samples = normalise(RawChunk("gpu_events", line, "box", "o")).samples
    reasons = dict(samples.select("metric", "reason").iter_rows())
    assert reasons["mig_memory_used_bytes"] == "[N/A]"
    assert samples["value"].null_count() == samples.height == 5


LINES = """GPU 00000000:00:09.0
    MIG Device
        Index : 0
    MIG Device : x
        FB Memory Usage
            Used : 7 MiB
:
        :""".splitlines()
PAGE = st.lists(st.sampled_from(LINES)).map("\n".join)


@given(text=PAGE | st.text())
def test_no_page_breaks_reading(text):
    """Whatever stands there, every instance that is found has a number."""
    assert all("instance" in one for ones in instances(text).values() for one in ones)


@given(text=st.text(max_size=30))
def test_no_instance_breaks_normalising(text):
    """Any value becomes a number, or unknown."""
    line = normalise_line(text)
    events = normalise(RawChunk("gpu_events", line, "box", "o"))
    assert events.samples.height in (5, 10)


def normalise_line(text):
    """A record whose instance holds `text` everywhere."""
    one = {"instance": text, "memory_used": text, "memory_total": text}
    return RECORD + b'"instances":' + orjson.dumps([one, text, {**one, "instance": "2"}]) + b"}\n"
