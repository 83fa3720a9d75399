"""The public log data sets that this bench reads: where they lie and what they are like.

None of them comes with Boxwatch: their terms are research and academic use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.errors import UsageError

_HDFS: Final = Path("logs/hdfs-2percent")
_HEALTH: Final = Path("logs/healthapp-20000/HealthApp_20000.log")
_SYSTEMS: Final = Path("logs/templates-2k")
_WHERE: Final = (
    "Put there logs/templates-2k/SYSTEM/SYSTEM_2k.log_structured_corrected.csv (corrected 2k sets "
    "of https://github.com/logpai/loghub-2.0), logs/hdfs-2percent/hdfs_events_2percent.parquet and "
    "hdfs_seqs_2percent.parquet (2 % of the HDFS log of https://github.com/logpai/loghub), and "
    "logs/healthapp-20000/HealthApp_20000.log (20,000 lines of its HealthApp log)."
)


@dataclass(frozen=True, slots=True)
class System:
    """Lines of one system, each with the template that people gave it."""

    name: str
    messages: pl.Series
    truth: pl.Series


class DataSets:
    """The data sets in `folder`.

    Raises:
        UsageError: no folder was given, or a set is not in it; says which, and where to get it.

    """

    def __init__(self, folder: Path | None) -> None:
        if folder is None:
            raise UsageError(
                "This bench reads public data sets; --data-sets DIR says where they are.",
                hint=_WHERE,
            )
        self._folder = folder

    @cached_property
    def hdfs(self) -> pl.Series:
        """The messages of HDFS, by time."""
        return self._hdfs_events["message"]

    @cached_property
    def health_app(self) -> pl.Series:
        """The whole lines of HealthApp."""
        text = self._found(_HEALTH).read_text(encoding="utf-8", errors="replace")
        return pl.Series("message", text.removesuffix("\n").split("\n"), dtype=pl.String)

    @cached_property
    def systems(self) -> tuple[System, ...]:
        """The corrected 2k sets, by name."""
        files = sorted(self._found(_SYSTEMS).glob("*/*_structured_corrected.csv"))
        if not files:
            raise UsageError(f"{str(self._folder / _SYSTEMS)!r} holds no 2k sets.", hint=_WHERE)
        frames = ((file, pl.read_csv(file, infer_schema=False)) for file in files)
        return tuple(
            System(
                name=file.parent.name,
                messages=frame["Content"].fill_null("").alias("message"),
                truth=frame["EventTemplate"].fill_null(""),
            )
            for file, frame in frames
        )

    @cached_property
    def sessions(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The lines of HDFS (message, time, session), and its sessions (session, failed).

        Sessions are in the order in which they start.
        """
        labels = pl.read_parquet(self._found(_HDFS / "hdfs_seqs_2percent.parquet"))
        starts = self._hdfs_events.group_by("session").agg(pl.col("time").min())
        named = labels.select(session="seq_id", failed="anomaly")
        sessions = starts.join(named, on="session").sort("time", "session")
        return self._hdfs_events, sessions.select("session", "failed")

    def all_messages(self) -> pl.Series:
        """The messages of all sets, one after the other."""
        parts = [self.hdfs, self.health_app, *(system.messages for system in self.systems)]
        return pl.concat(parts)

    @cached_property
    def _hdfs_events(self) -> pl.DataFrame:
        frame = pl.read_parquet(self._found(_HDFS / "hdfs_events_2percent.parquet"))
        return frame.select(message="m_message", time="m_timestamp", session="seq_id")

    def _found(self, path: Path) -> Path:
        whole = self._folder / path
        if not whole.exists():
            raise UsageError(f"There is no {str(whole)!r}.", hint=_WHERE)
        return whole
