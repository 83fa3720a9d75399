"""What a turn of many hosts costs: every stage is measured, on real turns."""

from __future__ import annotations

from boxwatch.bench import BenchOptions
from boxwatch.bench.turns import STAGES, costs_of, turn_costs


def test_every_stage_costs_something(tmp_path):
    """And the rows are those of all hosts."""
    one, many = (costs_of(hosts, tmp_path / str(hosts), turns=4) for hosts in (1, 5))
    assert all(many[stage] > 0 for stage in STAGES)
    assert 4 * one["rows"] < many["rows"] < 6 * one["rows"]


def test_the_figures_are_of_a_process_of_its_own(tmp_path):
    """By stage, together, and its memory."""
    figures = turn_costs(BenchOptions(tmp_path), counts=(1,), turns=16)
    assert [figure.unit for figure in figures] == ["ms"] * len(STAGES) + ["% of a core", "MB"]
    assert all(figure.value > 0 for figure in figures)
