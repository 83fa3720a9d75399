"""Which model judges the sessions of `logs score`: by counts, or by the order of their lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
import polars as pl

from boxwatch.errors import UsageError
from boxwatch.events.templates import TemplateMiner
from boxwatch.models import Verdicts
from boxwatch.models.sequences import Sequences
from boxwatch.parts import load

Data_contra = TypeVar("Data_contra", contravariant=True)


class SessionDetector(Protocol[Data_contra]):
    """A model of sessions: `fit` raises ModelError where they are too few."""

    threshold: float

    def fit(self, sessions: Data_contra) -> None:
        """Learn from sessions of which at most a few in a hundred are failures."""
        ...

    def score(self, sessions: Data_contra) -> Verdicts:
        """How strange each is, which are alarms, and why."""
        ...


Read = Callable[[TemplateMiner, pl.DataFrame], tuple[Any, pl.Series]]


def order_model() -> SessionDetector[Sequences]:
    """The model of order, with a way to train it.

    Raises:
        UsageError: what it needs is not installed.

    """
    try:
        model: SessionDetector[Sequences] = load("sequence")(load("sequence-training"))
    except ImportError as error:
        raise UsageError(
            f"The detector 'sequence' needs {error.name!r}, which is not installed.",
            hint="pip install 'boxwatch[deep]' (in a clone of the sources: .venv/bin/pip install "
            "-e '.[deep]' -c constraints.txt), or use --detector counts.",
        ) from None
    return model


def sequences(miner: TemplateMiner, lines: pl.DataFrame) -> tuple[Sequences, pl.Series]:
    """The sessions of `lines` (message, session, at), their lines by time, and their names.

    Lines without a time stay behind the one before them.
    """
    numbers, texts = miner.of(lines["message"])
    frame = lines.select("session", pl.col("at").forward_fill().over("session")).with_columns(
        pl.col("at").fill_null(strategy="min").fill_null(0.0), pl.Series("template", numbers)
    )
    end = frame["at"].max()
    whole = frame.sort("at", maintain_order=True).group_by("session", maintain_order=True)
    found = whole.agg(
        "template", (pl.col("at") - pl.col("at").min()).alias("after"), start=pl.col("at").min()
    )
    lengths = found["template"].list.len().to_numpy().astype(np.int64)
    rows = found.explode("template", "after")
    return (
        Sequences(
            templates=texts,
            first=np.concatenate([[0], np.cumsum(lengths)]),
            template=rows["template"].to_numpy().astype(np.int64),
            after=rows["after"].to_numpy(),
            left=found.select((pl.lit(end) - pl.col("start")).cast(pl.Float64))
            .to_series()
            .to_numpy(),
        ),
        found["session"],
    )
