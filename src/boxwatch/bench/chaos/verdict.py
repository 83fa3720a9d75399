"""Whether every line that an origin kept is in the store, once."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import polars as pl

from boxwatch.bench.chaos.journal_writer import IDENTIFIER
from boxwatch.bench.hosts import Host
from boxwatch.errors import EnvironmentFault
from boxwatch.events.notices import GAP
from boxwatch.store import EventStore

LINE: Final = r"^(journal|container \w+) (\d+) request "
_LEDGER: Final = r"^ledger (\w+) (\d+)"


@dataclass(frozen=True, slots=True)
class Account:
    """The lines of one writer: how many it wrote, its origin kept, and the store holds.

    `lost` were kept by the origin and are not in the store; `doubled` are there once too often.
    `examples` are numbers of lost, or else of doubled lines.
    """

    writer: str
    written: int
    kept: int
    stored: int
    lost: int
    doubled: int
    examples: tuple[int, ...] = ()

    @property
    def discarded(self) -> int:
        """Lines that the origin itself did not keep."""
        return self.written - self.kept


def accounts(written: Mapping[str, int], kept: pl.DataFrame, stored: pl.DataFrame) -> list[Account]:
    """One account a writer; `kept` and `stored` are rows of `numbered`."""
    found = []
    for writer, count in sorted(written.items()):
        ours = kept.filter(pl.col("writer") == writer)["number"].unique()
        theirs = stored.filter(pl.col("writer") == writer)["number"]
        lost = ours.filter(~ours.is_in(theirs.implode())).sort()
        repeated = theirs.filter(theirs.is_duplicated()).unique().sort()
        found.append(
            Account(
                writer,
                written=count,
                kept=ours.len(),
                stored=theirs.len(),
                lost=lost.len(),
                doubled=theirs.len() - theirs.n_unique(),
                examples=tuple((lost if lost.len() else repeated).head(5).to_list()),
            )
        )
    return found


def numbered(messages: pl.Series) -> pl.DataFrame:
    """Of every line that a writer wrote: `writer` and `number`."""
    parts = messages.str.extract_groups(LINE).struct.unnest()
    parts.columns = ["writer", "number"]
    return parts.drop_nulls().with_columns(pl.col("number").cast(pl.Int64))


def kept_in_journal(host: Host) -> pl.Series:
    """What the host's journal holds of the writer's lines."""
    argv = ["journalctl", f"--directory={host.folder / 'journal'}", "--merge", "--output=cat"]
    done = subprocess.run(
        [*argv, "--no-pager", f"SYSLOG_IDENTIFIER={IDENTIFIER}"], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise EnvironmentFault(f"The journal cannot be read: {done.stderr.decode().strip()}")
    return pl.Series("message", done.stdout.decode("utf-8", "replace").splitlines(), pl.String())


def kept_by_engine(host: Host) -> pl.Series:
    """What the files of the host's container engine hold, in their order."""
    lines: list[str] = []
    for path in sorted((host.folder / "docker/containers").glob("*/*-json.log*")):
        lines += [_logged(line) for line in path.read_bytes().splitlines()]
    return pl.Series("message", lines, pl.String())


def ledgers(messages: pl.Series) -> dict[str, int]:
    """How many lines each container says it wrote, when it was stopped."""
    parts = messages.str.extract_groups(_LEDGER).struct.unnest().drop_nulls()
    return {f"container {name}": int(count) for name, count in parts.iter_rows()}


def stored_messages(data: Path) -> pl.Series:
    """The messages in the store."""
    with EventStore.open(data, writable=False) as store:
        return store.logs().select("message").collect()["message"]


def stored_count(data: Path) -> int:
    """How many of the writers' lines are in the store, repeats included."""
    return numbered(stored_messages(data)).height


def gaps_told(data: Path) -> list[str]:
    """What sources said about records that are lost."""
    with EventStore.open(data, writable=False) as store:
        told = store.logs().filter(pl.col("subtype") == GAP).select("message").collect()
    return [str(text) for text in told["message"].to_list()]


def _logged(line: bytes) -> str:
    try:
        return str(orjson.loads(line)["log"]).removesuffix("\n")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""  # torn by a kill: its line is not readable for anyone
