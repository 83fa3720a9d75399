"""The figures of the whole way: small runs of every part, and what a missed target does."""

import json
from dataclasses import asdict

import pytest

from boxwatch.bench import BENCHES, BenchOptions, BenchResult, at_most, measured, this_machine
from boxwatch.bench.days import Day, quality_figures
from boxwatch.bench.journal_lines import write_journal
from boxwatch.bench.plain_reader import read
from boxwatch.bench.spine import help_page, site_packages
from boxwatch.bench.throughput import throughput
from boxwatch.bench.watching import watching
from boxwatch.cli.border import run as boxwatch
from boxwatch.errors import EnvironmentFault

SCHEMA = {"name", "value", "unit", "target", "met", "peer", "peer_value", "ratio"}
MISSED = "tests.bench.late"


@pytest.fixture
def options(tmp_path):
    """A bench's own folder, and every step it told of."""
    told = []
    options = BenchOptions(tmp_path, progress=lambda *step: told.append(step))
    yield options
    assert told, "a bench says how far it is"


def test_the_speed_bench_measures_the_command_beside_its_peer(options):
    """A small journal: the figures are there, consistent, and nothing is left on disk."""
    figures = throughput(options, 2000, runs=1)
    speed, _, whole, *_, grown = figures
    for figure in (speed, whole):
        assert figure.peer.startswith("Polars 2")
        assert figure.ratio == pytest.approx(figure.value / figure.peer_value)
    assert grown.met is True
    assert list(options.folder.iterdir()) == []


def test_the_peer_reads_every_line(tmp_path):
    """The same lines, the same fields."""
    path = tmp_path / "journal.jsonl"
    write_journal(path, 300)
    seconds, lines = read(path)
    assert lines == 300
    assert seconds > 0


def test_too_little_room_is_said_before_anything_is_written(tmp_path):
    """A journal larger than the device is not begun."""
    with pytest.raises(EnvironmentFault, match="GB free; this bench needs"):
        throughput(BenchOptions(tmp_path), 10**12)
    assert list(tmp_path.iterdir()) == []


def test_the_help_page_is_timed(options):
    """One figure, with its target."""
    (figure,) = help_page(options, runs=1)
    assert figure.value > 0
    assert (figure.unit, figure.target) == ("s", 0.4)


def test_watching_is_measured_from_outside(options):
    """The first seconds of the real command, in which it starts: memory and processor time."""
    memory, tools, processor = watching(options, baseline_s=0.1, watched_s=4)
    assert memory.value > 20
    assert memory.value > tools.value
    assert 1 < processor.value < 400


def test_the_installation_says_what_weighs():
    """The sum, then its five heaviest parts."""
    total, *parts = site_packages()
    assert len(parts) == 5
    assert total.value > sum(part.value for part in parts)


def test_quality_is_a_mean_and_a_worst():
    """Shares of faults found, false alarms a day."""
    days = [Day(2, 20, 10, 4), Day(1, 20, 20, 0)]
    found = {figure.name: (figure.value, figure.met) for figure in quality_figures(days)}
    assert found == {
        "faults found, mean of seeds 1-2": (0.75, False),
        "faults found, least of seeds 1-2": (0.5, False),
        "false alarms, mean of seeds 1-2": (2, False),
        "false alarms, most of seeds 1-2": (4, None),
    }


def result():
    """A result with a target that was missed."""
    figures = (measured("size", 1.0, "MB", ("peer 1.0", 2.0)), at_most("time", 2.0, "s", 1.0))
    return BenchResult("spine", this_machine(), figures)


def test_figures_have_the_fields_that_programs_read():
    """Name, value, unit, target, met, peer, peer's value, ratio."""
    assert all(set(asdict(figure)) == SCHEMA for figure in result().figures)


def test_a_missed_target_is_an_exit_status(monkeypatch, capsys):
    """1, and the figures are printed all the same."""
    monkeypatch.setitem(BENCHES, "late", MISSED)
    assert boxwatch(["bench", "late", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["bench"] == "late"
    assert [set(figure) for figure in shown["figures"]] == [SCHEMA]
    assert shown["figures"][0]["met"] is False
