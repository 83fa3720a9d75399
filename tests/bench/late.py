"""A bench whose only target cannot be met."""

from boxwatch.bench import BenchResult, at_most, this_machine


def run(options):
    """One figure, too large."""
    assert options.folder.is_dir()
    return BenchResult("late", this_machine(), (at_most("time", 2.0, "s", 1.0),))
