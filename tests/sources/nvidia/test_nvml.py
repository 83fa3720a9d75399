"""NVML, against a library of our own that stands where the driver's would."""

import asyncio
import contextlib
import ctypes
import shutil
import subprocess
from pathlib import Path

import pynvml
import pytest

from boxwatch.errors import SourceError
from boxwatch.sources import NoLibrary, nvml
from boxwatch.sources.nvml import NvmlLibrary

FIRST, SECOND = (f"GPU-0000000{index}-1111-2222-3333-444444444444" for index in (0, 1))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The library, loaded: whoever asks for libnvidia-ml.so.1 after it is given this one."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    library = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("fake_nvml.c")
    named = f"-Wl,-soname,{library.name}"
    subprocess.run([compiler, "-shared", "-fPIC", named, "-o", library, source], check=True)
    loaded = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    if not hasattr(ctypes.CDLL(library.name), "fake_reset"):
        pytest.skip("the driver's own library is loaded already")
    return loaded


@pytest.fixture
def fake(shared):
    """Two healthy cards."""
    shared.fake_reset(2)
    yield shared
    shared.fake_stuck(0)


def heard(library, enough):
    """What `library` tells until `enough(news)`; news is what each call gave."""

    async def go():
        news = []
        async with asyncio.timeout(60):
            while not enough(news):
                news.append(await library.news())
        library.close()
        return news

    return asyncio.run(go())


def xids(news):
    """All errors in order."""
    return [(xid.uuid, xid.code) for one in news for xid in one.xids]


def test_errors_come_as_they_happen(fake):
    """Several at once, each with its card."""
    fake.fake_xid(1, 79)
    fake.fake_xid(0, 31)
    news = heard(NvmlLibrary(), lambda news: len(xids(news)) == 2)
    assert xids(news) == [(SECOND, 79), (FIRST, 31)]


def test_replays_are_counted_by_card(fake):
    """The counter as it stands; of a card that is lost, why it is unknown."""
    fake.fake_replays(0, 7)
    (news,) = heard(NvmlLibrary(), lambda news: news)
    assert news.replays == {FIRST: "7", SECOND: "0"}


def test_a_card_that_is_lost_later_says_why(fake, monkeypatch):
    """Its counter is unknown for that reason; the other card's is read."""
    monkeypatch.setattr(nvml, "_COUNT_EVERY_S", 0.0)
    library = NvmlLibrary()

    async def go():
        await library.news()
        fake.fake_lose(1)
        return await library.news()

    news = asyncio.run(go())
    library.close()
    assert news.replays == {FIRST: "0", SECOND: "[GPU is lost]"}


def test_a_card_that_was_lost_before_does_not_hide_the_other(fake):
    """What can be reached is read."""
    fake.fake_lose(0)
    (news,) = heard(NvmlLibrary(), lambda news: news)
    assert news.replays == {SECOND: "0"}


def test_cards_without_events_are_still_counted(fake):
    """Not every card offers errors as events."""
    fake.fake_events(0)
    (news,) = heard(NvmlLibrary(), lambda news: news)
    assert (news.replays[FIRST], news.xids) == ("0", [])


def test_a_driver_that_is_not_loaded_is_failing_until_it_is(fake):
    """It says so in NVML's words, and works once it can."""
    library = NvmlLibrary()
    fake.fake_init(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    async def go():
        with pytest.raises(SourceError, match="Driver Not Loaded") as caught:
            await library.news()
        fake.fake_init(0)
        return caught.value.state, await library.news()

    state, news = asyncio.run(go())
    library.close()
    assert (state, news.replays[FIRST]) == ("failing", "0")


def test_a_driver_that_hangs_is_left_alone(fake, monkeypatch):
    """The call is given up, no other is made while it is stuck, and after it all goes on."""
    monkeypatch.setattr(nvml, "_LIMIT_S", 0.2)
    library = NvmlLibrary()
    fake.fake_stuck(1)

    async def go():
        states = []
        for _ in range(2):
            with pytest.raises(SourceError) as caught:
                await library.news()
            states.append(caught.value.state)
        fake.fake_stuck(0)
        monkeypatch.setattr(nvml, "_LIMIT_S", 30.0)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(SourceError):
                    return states, await library.news()
                await asyncio.sleep(0.02)

    states, news = asyncio.run(go())
    library.close()
    assert states == ["hung", "hung"]
    assert news.replays[FIRST] == "0"


def test_what_nvml_tells_comes_with_the_cards(fake, smi, source, watch, rows):
    """An error is a record of the card it is about; the counter stands in its rows."""
    fake.fake_replays(1, 12)
    fake.fake_xid(1, 79)

    def events(chunks):
        return [row for row in rows(chunks, "gpu_events") if row["what"] == "xid"]

    def counted(chunks):
        return [row for row in rows(chunks, "gpu") if row.get("nvml.pcie_replay_counter") == "12"]

    chunks = watch(source(library=NvmlLibrary()), (lambda c: events(c) and counted(c), None))
    (event,) = events(chunks)
    assert (event["index"], event["xid"], event["pci.bus_id"]) == ("1", 79, "00000000:01:00.0")
    assert counted(chunks)[0]["index"] == "1"


def test_a_machine_without_the_library_says_so_once(source, watch, rows):
    """Absent, with what stays unknown; the cards are read all the same."""
    chunks = watch(source(library=NoLibrary()), (lambda c: len(rows(c, "gpu")) >= 4, None))
    told = [row for row in rows(chunks, "status") if row["source"] == "nvml"]
    assert [row["state"] for row in told] == ["absent"]
    assert "PCIe replays are unknown" in told[0]["reason"]
