"""The page of measured figures: each bench writes its part, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime
from math import nan

import pytest

from boxwatch.bench import (
    BenchResult,
    at_least,
    at_most,
    measured,
    not_measured,
    page,
    this_machine,
)
from boxwatch.errors import UsageError

AT = datetime(2026, 3, 2, tzinfo=UTC)
FIGURES = (
    at_least("recall", 0.55, "share", 0.9, ("PyOD", 0.5)),
    at_most("delay", 8.0, "s", 30.0),
    measured("max |z|", 0.559, ""),
    not_measured("peers", "", 1.0, "no network"),
)


def result(bench="detectors", figures=FIGURES, notes=("From real machines.",)):
    """What a bench said."""
    return BenchResult(bench, this_machine(), figures, notes)


def written(file, *results):
    """The page after these benches wrote their parts."""
    for one in results:
        page.write(one, file, f"boxwatch bench {one.bench} --size 2", AT)
    return file.read_text()


def test_a_part_says_when_where_how_and_what_was_missed(tmp_path):
    """Date, machine and command; the targets that were not met by name."""
    text = written(tmp_path / "page.md", result())
    assert "`boxwatch bench detectors --size 2`, 2026-03-02, Boxwatch " in text
    assert "1 of 3 targets were met. Not: recall (MISSED); peers (not measured)." in text
    assert "- From real machines." in text


def test_every_figure_has_its_row(tmp_path):
    """Value, target, verdict, peer and ratio; a bar in a name does not break the table."""
    text = written(tmp_path / "page.md", result())
    assert "| recall | 0.55 share | 0.9 share | MISSED | PyOD | 0.5 | 1.10 |" in text
    assert "| max \\|z\\| | 0.559 |  |  |  |  |  |" in text
    assert "| peers |  | 1 | not measured | no network |  |  |" in text


def test_a_part_replaces_the_one_before_and_no_other(tmp_path):
    """What people wrote around the parts, and other parts, stay."""
    file = tmp_path / "page.md"
    written(file, result(), result("faults"))
    file.write_text(file.read_text() + "\nWritten by a person.\n")
    text = written(file, result(figures=(at_least("recall", 1.0, "share", 0.9),)))
    assert "All 1 targets were met." in text
    assert text.count("bench detectors: begin") == text.count("bench faults: begin") == 1
    assert text.endswith("\nWritten by a person.\n")


def test_writing_twice_is_as_once(tmp_path):
    """The same figures leave the same page."""
    file = tmp_path / "page.md"
    assert written(file, result()) == written(file, result())


def test_a_lost_marker_is_told(tmp_path):
    """A part that ends nowhere is not overwritten."""
    file = tmp_path / "page.md"
    file.write_text("<!-- bench detectors: begin -->\nmine\n")
    with pytest.raises(UsageError, match="is missing"):
        written(file, result())
    assert file.read_text().endswith("mine\n")


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    """The folder is not there."""
    with pytest.raises(UsageError, match="cannot be written"):
        written(tmp_path / "nowhere" / "page.md", result())


def test_figures_without_targets_are_said_to_have_none(tmp_path):
    """Nothing is met where nothing was asked."""
    assert "No figure here has a target." in written(
        tmp_path / "page.md", result(figures=(measured("speed", 12345.0, "rows/s"),), notes=())
    )


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123"), (12345.6, "12,346"), (nan, "nan")])
def test_figures_are_short(value, text):
    """Three digits, whole from a hundred on."""
    assert page.short(value) == text
