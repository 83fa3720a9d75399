"""A service begins to fail in a new way: found when it repeats, whatever the turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detections import made

from boxwatch.detections import Detection, NoveltyWatch, Severity

INFO, WARNING, ERROR = 9, 13, 17
Line = tuple[float, str, int]  # seconds from the start, what it says, severity

HABIT: list[Line] = [(60.0 * minute, "request done", INFO) for minute in range(60)]
LATER = 3700.0  # the service has been known for an hour then


def written(lines: Sequence[Line], known: Sequence[str] = ()) -> pl.DataFrame:
    """Lines of one service as the template miner hands them on; `known` are no new templates."""
    seen = set(known)
    rows = []
    for number, (second, text, severity) in enumerate(sorted(lines)):
        time = made.START + timedelta(seconds=second)
        rows.append((time, "box", severity, text, number, text not in seen, "service:ollama"))
        seen.add(text)
    names = ["time", "host", "severity", "message", "event_id", "new", "entity"]
    types = [pl.Datetime("us", "UTC"), pl.String, pl.UInt8, pl.String, pl.UInt64]
    schema = dict(zip(names, [*types, pl.Boolean, pl.String], strict=True))
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.col("message").alias("template"))


def now(second: float) -> datetime:
    """The instant so many seconds from the start."""
    return made.START + timedelta(seconds=second)


def found(lines: Sequence[Line], until: float = LATER + 60) -> list[Detection]:
    """What is said of these lines after an hour of the usual ones."""
    return NoveltyWatch().add(written([*HABIT, *lines]), now(until))


def repeated(*seconds: float, text: str = "error: no model") -> list[Line]:
    """The same error again and again, so many seconds after the first hour."""
    return [(LATER + second, text, ERROR) for second in seconds]


def test_three_times_within_twenty_minutes_is_a_finding():
    """It begins with the first of them and shows the first line and the latest."""
    (word,) = found(repeated(0, 20, 40))
    assert (word.start, word.end, word.open) == (now(LATER), now(LATER + 40), True)
    assert [reason.event_id for reason in word.reasons] == [60, 62]
    assert "error: no model" in word.reasons[0].text
    assert "3 times in 40 s" in word.reasons[0].text


def test_twice_is_none():
    """An error said once or twice happens."""
    assert found(repeated(0, 30)) == []


def test_three_times_in_an_hour_is_none():
    """After twenty minutes a new kind of error is an old one."""
    assert found(repeated(0, 1100, 1300), until=LATER + 1300) == []


def test_a_service_that_writes_seldom_is_known_after_hours():
    """Three lines in five hours; an error that it then says six times is new, five are too few."""
    seldom = [(6000.0 * n, "request done", INFO) for n in range(3)]
    lines = [*seldom, *((18_000.0 + 20 * n, "cannot verify the layer", ERROR) for n in range(6))]
    watch = NoveltyWatch()
    assert watch.add(written(lines[:-1]), now(18_090)) == []
    (found,) = watch.add(written(lines[-1:], ["cannot verify the layer"]), now(18_110))
    assert "seen 0 times in 5.0 h and 3 lines, now 6 times" in found.reasons[0].text


def test_an_error_known_before_is_none():
    """What the service has always said is not new, however often it says it now."""
    lines = [(30.0, "error: no model", ERROR), *repeated(*range(20))]
    assert found(lines) == []


def test_a_new_kind_of_ordinary_line_is_none():
    """New does not mean wrong."""
    assert found([(LATER + n, "loaded a model", INFO) for n in range(9)]) == []


def test_a_young_service_has_nothing_new():
    """Everything is new in the first half hour."""
    young = [(10.0 * n, "request done", INFO) for n in range(60)]
    errors = [(700.0 + n, "error: no model", ERROR) for n in range(9)]
    assert NoveltyWatch().add(written([*young, *errors]), now(720)) == []


def test_a_service_that_has_hardly_spoken_has_nothing_new():
    """Old, but with a handful of lines: nobody knows what it usually says."""
    few = [(600.0 * n, "request done", INFO) for n in range(6)]
    assert NoveltyWatch().add(written([*few, *repeated(0, 1, 2)]), now(LATER + 3)) == []


def test_different_new_errors_are_findings_of_their_own():
    """Each kind of line is one finding."""
    lines = repeated(0, 10, 20) + repeated(5, 15, 25, text="panic: gone")
    assert len(found(lines)) == 2


OLD = [(30.0 * n, "error: model llama could not be loaded", ERROR) for n in range(12)]


def test_what_says_the_same_in_other_words_weighs_less():
    """The reason names the line it is like, and how often that was seen before."""
    (word,) = found([*OLD, *repeated(0, 20, 40, text="model llama could not be loaded, error")])
    assert word.severity is Severity.LOW
    like = [reason.text for reason in word.reasons if reason.text.startswith("like ")]
    assert len(like) == 1
    assert f"`{OLD[0][1]}`" in like[0]
    assert like[0].endswith("seen 12 times")


@pytest.mark.parametrize(
    "old", ["error: model llama could not be loaded", "GPU memory error: page retired"]
)
def test_what_says_something_else_weighs_as_ever(old):
    """A known error does not lessen another one."""
    before = [(30.0 * n, old, ERROR) for n in range(12)]
    (word,) = found([*before, *repeated(0, 20, 40, text="error: no space left on device")])
    assert word.severity is Severity.MEDIUM


def test_what_is_like_an_ordinary_line_weighs_as_ever():
    """Only errors lessen errors: a failure may differ from a success by one word."""
    fine = [(30.0 * n, "upload of layer to registry finished: accepted", INFO) for n in range(12)]
    (word,) = found(
        [*fine, *repeated(0, 20, 40, text="upload of layer to registry finished: rejected")]
    )
    assert word.severity is Severity.MEDIUM


def test_it_ends_five_minutes_after_its_last_line():
    """Then it is closed, at the last instant it was seen."""
    watch = NoveltyWatch()
    (opened,) = watch.add(written([*HABIT, *repeated(0, 20, 40)]), now(LATER + 60))
    assert watch.add(written([]), now(LATER + 339)) == []
    (ended,) = watch.add(written([]), now(LATER + 341))
    assert (ended.id, ended.end, ended.open) == (opened.id, now(LATER + 40), False)


def test_a_flood_of_other_errors_does_not_lose_an_open_finding():
    """However many new kinds of error come meanwhile, what was opened is closed."""
    watch = NoveltyWatch()
    (opened,) = watch.add(written([*HABIT, *repeated(0, 20, 40)]), now(LATER + 60))
    flood = [(LATER + 70, f"error of kind {n}", ERROR) for n in range(1200)]
    words = watch.add(written(flood), now(LATER + 80))
    words += watch.add(written([]), now(LATER + 400))
    assert [word.open for word in words if word.id == opened.id] == [False]


def test_what_it_remembers_of_a_storm_is_little():
    """Ten thousand lines of one new error take no more room than ten."""
    sizes = []
    for count in (10, 10_000):
        watch = NoveltyWatch()
        watch.add(written([*HABIT, *repeated(*(n / 100 for n in range(count)))]), now(LATER + 110))
        sizes.append(len(str(watch.save())))
    assert sizes[1] < 1.1 * sizes[0]


STORY = written(
    [*HABIT]
    + repeated(0, 20, 40, 50, 200)
    + repeated(10, 900, 1190, text="failed twice, and late once")
    + repeated(5, 15, 45, 100, 300, text="ERROR, no model")
    + repeated(30, 700, 1400, text="error that comes too rarely")
    + [(LATER + 60 * n, "request done", INFO) for n in range(40)]
    + [(LATER + 100 + n, "it failed", WARNING) for n in range(4)]
)


def told(cuts: Sequence[int], save: bool = False) -> dict[str, Detection]:
    """What is said last of each finding in the story, cut into turns at these rows."""
    watch = NoveltyWatch()
    last: dict[str, Detection] = {}
    for low, high in zip([0, *cuts], [*cuts, len(STORY)], strict=True):
        if low < high:
            turn = STORY[low:high]
            last |= {word.id: word for word in watch.add(turn, turn["time"].max())}
        if save:
            saved, watch = watch.save(), NoveltyWatch()
            watch.load(saved)
    return last


@settings(deadline=None)
@given(st.sets(st.integers(0, len(STORY)), max_size=12))
def test_findings_do_not_depend_on_turns(cuts):
    """Cut anywhere, the same findings."""
    assert len(told([])) >= 2
    assert told(sorted(cuts)) == told([])


@pytest.mark.parametrize("cut", range(55, len(STORY), 5))
def test_saved_and_loaded_it_goes_on(cut):
    """Wherever it stops, the findings are those of an uninterrupted run."""
    assert told([cut], save=True) == told([cut])
