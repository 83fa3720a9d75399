"""Whether the same lines give the same ids: after a restart, elsewhere, in another order."""

from __future__ import annotations

from typing import Final

import polars as pl

from boxwatch.bench.logs.data_sets import DataSets
from boxwatch.bench.logs.peers import mine
from boxwatch.bench.result import BenchOptions, Figure, at_least

_WAYS: Final = {
    "another process": "plain",
    "a restart halfway": "restarted",
    "another order of lines": "shuffled",
}


def stability(options: BenchOptions, sets: DataSets) -> list[Figure]:
    """The share of all lines of all sets whose template's id is the same."""
    messages = sets.all_messages()
    file = options.folder / "messages.parquet"
    messages.head(options.size or len(messages)).to_frame("message").write_parquet(file)
    first = _ids(options, str(file), "plain")
    figures = []
    for number, (what, order) in enumerate(_WAYS.items()):
        options.progress("ids of templates", number, len(_WAYS))
        share = (first == _ids(options, str(file), order)).mean()
        assert isinstance(share, float)  # noqa: S101 - narrows the type
        figures.append(at_least(f"ids of templates, {what}", share, "share", 1.0))
    return figures


def _ids(options: BenchOptions, file: str, order: str) -> pl.Series:
    out = options.folder / "ids.parquet"
    mine(options.folder, "ids", file, str(out), order, str(options.seed))
    return pl.read_parquet(out)["id"]
