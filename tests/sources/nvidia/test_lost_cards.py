"""Cards that are lost, moved or exchanged, and a driver that does not answer at all."""

import pytest

from boxwatch.sources import LocalShell
from boxwatch.sources.nvidia_cards import Cards
from boxwatch.sources.nvidia_fields import lost_card

GONE = "gone from nvidia-smi"


def uuids(rows, chunks):
    """Which card was read under which index, all readings together."""
    return {(row["index"], row["uuid"][:12]) for row in rows(chunks, "gpu")}


def test_card_that_vanishes_is_a_row_of_reasons(smi, source, watch, rows, said):
    """A card missing from a reading keeps its identity, and says why all else is unknown."""
    chunks = watch(
        source(),
        (lambda c: len(rows(c, "gpu")) >= 4, lambda: smi.set(mode="vanish")),
        (lambda c: said(c, "1").count(GONE) >= 2, lambda: smi.set(mode="")),
        (lambda c: said(c, "1")[-1:] == ["41"], None),
    )
    assert uuids(rows, chunks) == {("0", "GPU-00000000"), ("1", "GPU-00000001")}


def test_a_card_that_comes_back_belongs_to_its_reading_again(smi, source, watch, rows, said):
    """After its return both cards carry one time, again and again."""
    smi.set(mode="vanish")
    position = {"gpus": [{"index": "0"}, {"index": "1"}]}

    def times(chunks):
        return [
            (row["index"], row["collected_at"])
            for row in rows(chunks, "gpu")
            if row["temperature.gpu"] != GONE
        ]

    chunks = watch(
        source(position),
        (lambda c: said(c, "1").count(GONE) >= 2, lambda: smi.set(mode="")),
        (lambda c: said(c, "1").count("41") >= 4, None),
    )
    first, second = times(chunks)[-4:-2], times(chunks)[-2:]
    assert [index for index, _ in (*first, *second)] == ["0", "1", "0", "1"]
    assert [len({time for _, time in pair}) for pair in (first, second)] == [1, 1]


def test_card_that_vanished_while_nobody_watched_is_missed(smi, source, watch, rows, said):
    """The cards of the position are expected after a restart."""
    first = source()
    watch(first, (lambda c: len(rows(c, "gpu")) >= 4, None))
    smi.set(mode="vanish")
    chunks = watch(source(first.position()), (lambda c: said(c, "1"), None))
    assert said(chunks, "1")[0] == GONE


def test_lost_card_keeps_the_words_of_the_driver(smi, source, watch, rows, said):
    """[GPU is lost] is handed over as printed, under the index the card always had."""
    chunks = watch(
        source(),
        (lambda c: len(rows(c, "gpu")) >= 2, lambda: smi.set(mode="lost")),
        (lambda c: said(c, "1")[-1:] == ["[GPU is lost]"], None),
    )
    assert uuids(rows, chunks) == {("0", "GPU-00000000"), ("1", "GPU-00000001")}


def test_a_card_that_cannot_be_reached_does_not_hide_the_others(smi, source, watch, said):
    """nvidia-smi ends because of one card: the others are asked for alone; that one says why."""
    chunks = watch(
        source(),
        (lambda c: said(c, "1"), lambda: smi.set(mode="handle")),
        (lambda c: said(c, "1").count("Unknown Error") >= 4, None),
    )
    assert said(chunks, "0")[-1] == "40"
    assert said(chunks, "1")[-1] == "Unknown Error"
    assert "--id=00000000:00:00.0" in smi.starts("--id=")[0]


def test_the_only_card_that_cannot_be_reached_is_lost(smi, source, watch, rows, said):
    """The driver answers and names it: the card is what is gone, not the driver."""
    smi.set(cards=1)
    chunks = watch(
        source(),
        (lambda c: len(rows(c, "gpu")) >= 2, lambda: smi.set(mode="handle")),
        (lambda c: said(c, "0").count("Unknown Error") >= 2, None),
    )
    assert {row["state"] for row in rows(chunks, "status")} == {"ok"}


def test_a_driver_that_knows_no_card_has_lost_the_only_one(smi, source, watch, rows, said):
    """Where there was one card and now there is none, that card is gone."""
    smi.set(cards=1)
    chunks = watch(
        source(),
        (lambda c: len(rows(c, "gpu")) >= 2, lambda: smi.set(mode="none")),
        (lambda c: "No devices were found" in said(c, "0"), None),
    )
    assert {row["state"] for row in rows(chunks, "status")} == {"ok"}


def test_a_driver_that_lost_all_its_cards_is_one_failure(smi, source, watch, rows):
    """Of several cards none is listed: that is the driver's, and said of no card."""
    smi.set(mode="none")
    position = {"gpus": [{"index": "0"}, {"index": "1"}]}
    chunks = watch(source(position), (lambda c: rows(c, "status"), None))
    assert [row["state"] for row in rows(chunks, "status")] == ["failing"]
    assert rows(chunks, "gpu") == []


def test_a_driver_without_cards_is_nothing_to_watch(smi, source, watch, rows):
    """Where there never was a card, there is nothing that fails."""
    smi.set(mode="none")
    chunks = watch(source(), (lambda c: rows(c, "status"), None))
    assert [row["state"] for row in rows(chunks, "status")] == ["absent"]


def test_cards_keep_their_index_when_a_lost_one_shifts_the_numbers(smi, source, watch, rows):
    """After a restart without card 0 the other is still card 1, and says what it is called now."""
    first = source()
    watch(first, (lambda c: len(rows(c, "gpu")) >= 4, None))
    smi.set(cards=[1])
    chunks = watch(source(first.position()), (lambda c: len(rows(c, "gpu")) >= 2, None))
    assert uuids(rows, chunks) == {("0", "GPU-00000000"), ("1", "GPU-00000001")}
    assert {row.get("index.reported") for row in rows(chunks, "gpu")} == {None, "0"}


def test_another_card_in_the_slot_takes_the_index(smi, source, watch, rows):
    """An exchanged card is not a lost one beside a new one; it is announced."""
    told = {"index": "0", "uuid": "GPU-old", "pci.bus_id": "00000000:00:00.0"}
    smi.set(cards=1)
    chunks = watch(source({"gpus": [told]}), (lambda c: rows(c, "gpu_events"), None))
    (card,) = rows(chunks, "gpu_events")
    assert (card["what"], card["index"], card["uuid"][:12]) == ("card", "0", "GPU-00000000")


def test_a_card_missing_for_a_week_is_no_longer_expected():
    """What was taken out for good ends being missed; until then it is."""
    cards, now = Cards({"gpus": [{"index": "0", "uuid": "GPU-a"}]}), 1_700_000_000.0
    assert [card.index for card in cards.missing({}, now)] == ["0"]
    kept = Cards({"gpus": cards.save()})
    assert [card.index for card in kept.missing({}, now + 6 * 86400)] == ["0"]
    assert kept.missing({}, now + 8 * 86400) == []
    assert len(kept) == 0


@pytest.mark.parametrize(
    ("line", "bus", "words"),
    [
        (
            "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.  Reboot the"
            " system to recover this GPU",
            "0000:02:00.0",
            "GPU is lost.  Reboot the system to recover this GPU",
        ),
        (
            "Unable to determine the device handle for GPU0000:07:00.0: Unknown Error",
            "0000:07:00.0",
            "Unknown Error",
        ),
        (
            "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error",
            "0000:41:00.0",
            "Unknown Error",
        ),
    ],
)
def test_the_words_that_name_a_lost_card_are_understood(line, bus, words):
    """As drivers of different years print them."""
    assert lost_card(line) == (bus, words)


def test_a_driver_that_hangs_is_said_of_the_driver(smi, source, watch, rows, belongings):
    """State hung, once; no card is said to be gone, and nothing is left running."""
    before = belongings()
    chunks = watch(
        source(quiet_intervals=10),
        (lambda c: len(rows(c, "gpu")) >= 4, lambda: smi.set(mode="hang")),
        (lambda c: any(r["state"] == "hung" for r in rows(c, "status")), None),
    )
    assert {row["temperature.gpu"] for row in rows(chunks, "gpu")} == {"40", "41"}
    assert belongings()["children"] == before["children"]


def test_recovery_from_a_hang_is_said(smi, source, watch, rows):
    """When rows come again, so does the state ok."""
    smi.set(mode="hang")

    def states(chunks):
        return [row["state"] for row in rows(chunks, "status")]

    chunks = watch(
        source(first_row_s=1.0, quiet_intervals=20),
        (states, lambda: smi.set(mode="")),
        (lambda c: states(c)[-1:] == ["ok"], None),
    )
    assert states(chunks)[0] == "hung"
    assert rows(chunks, "gpu")


def test_hang_while_listing_fields_is_a_hang(smi, source, watch, rows):
    """A driver that does not even answer the help text is hung, once."""
    smi.set(mode="hang-at-start")
    chunks = watch(source(first_row_s=0.3), (lambda c: rows(c, "status"), None))
    assert rows(chunks, "status")[0]["state"] == "hung"


@pytest.mark.parametrize("mode", ["flood", "endless"])
def test_a_flood_is_cut_short_and_said(smi, source, watch, rows, mode):
    """Output without end, from the help text or in a reading, is given up at its size."""
    smi.set(mode=mode)
    chunks = watch(source(first_row_s=3600.0), (lambda c: rows(c, "status"), None))
    (status,) = rows(chunks, "status")
    assert status["state"] == "failing"
    assert "nvidia-smi floods: more than 1024 KiB" in status["reason"]


def test_failing_driver_is_said_once_in_its_own_words(smi, source, watch, rows):
    """nvidia-smi that ends is failing with what it said; it is tried again, quietly."""
    smi.set(mode="exit")
    chunks = watch(
        source(),
        (lambda c: rows(c, "status"), None),
        (lambda _: len(smi.starts("--query-gpu")) > 2, None),
    )
    said = rows(chunks, "status")
    assert [row["state"] for row in said] == ["failing"]
    assert "couldn't communicate with the NVIDIA driver" in said[0]["reason"]


def test_missing_nvidia_smi_is_absent_once(source, watch, rows, tmp_path):
    """Without the program there is one status with a hint, and a probe that says the same."""
    reader = source(program=str(tmp_path / "nowhere"), shell=LocalShell())
    chunks = watch(reader, (lambda c: rows(c, "status"), None))
    assert [row["state"] for row in rows(chunks, "status")] == ["absent"]
    assert "driver" in rows(chunks, "status")[0]["hint"]
