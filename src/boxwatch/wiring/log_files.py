"""`logs parse` and `logs score`: log lines of anyone's own files, with the defaults of watching."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from boxwatch.errors import UsageError
from boxwatch.events.masks import Mask
from boxwatch.events.parameters import all_parameters
from boxwatch.events.templates import TemplateMiner
from boxwatch.events.vocabulary import template_id
from boxwatch.models import SessionModel, Sessions
from boxwatch.pulse import Progress
from boxwatch.wiring.out_files import check_out
from boxwatch.wiring.parquet_files import refuse_parquet, scan
from boxwatch.wiring.session_models import Read, SessionDetector, order_model, sequences

_CHUNK_BYTES: Final = 8 * 2**20
_CHUNK_ROWS: Final = 100_000
_LONGEST_LINE: Final = 16 * 2**20  # bytes of a line that are kept
_PARSE_HINT: Final = "Plain text is read without --column."
_TIME: Final = "time"
_NO_CLOCK: Final = "the numbers of the lines, as there are no times: a poor clock"


@dataclass(frozen=True, slots=True)
class ParseReport:
    """What `logs parse` did.

    `templates_forgotten` is how many kinds of line, because there are too many, were not there any
    more when others were compared with them; `lines_cut` how many lines were longer than is kept.
    """

    lines: int
    templates: int
    templates_forgotten: int
    lines_cut: int
    out: str


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What `logs score` found; `threshold` is of the score, from the training sessions alone.

    `clock` says what was taken for the time of a line.
    """

    training_sessions: int
    sessions: int
    alarms: int
    threshold: float
    clock: str
    out: str


@dataclass(frozen=True, slots=True)
class LogColumns:
    """Which columns of a Parquet file are what; `time` and `session` may be absent."""

    message: str = "message"
    time: str | None = _TIME
    session: str | None = None


def parse_logs(
    paths: Sequence[Path],
    column: str | None,
    out: Path,
    progress: Progress,
    masks: Sequence[Mask] = (),
) -> ParseReport:
    """Write line, template_id, template and parameters of every line of `paths` to `out`.

    All lines are looked at before any is written: the templates are those the files end with.

    Args:
        paths: Plain text, one message a line; with `column`, Parquet.
        column: The column of the messages.
        out: The Parquet file to write.
        progress: Told how many of the two passes' files are done.
        masks: What varies in these logs, beside the built-in masks.

    Raises:
        UsageError: a file cannot be read as what it is said to be, or `out` not be written.
    """
    check_out(out, paths)
    miner = TemplateMiner(masks=masks)
    cut = 0
    for number, path in enumerate(paths):
        progress("learning templates", number, len(paths))
        for messages, shortened in _chunks(path, column):
            miner.of(messages)
            cut += shortened
    forgotten = miner.overflow
    lines = 0
    kinds: set[int] = set()
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".boxwatch-") as folder:
        parts: list[Path] = []
        for number, path in enumerate(paths):
            progress("writing lines", number, len(paths))
            for messages, _ in _chunks(path, column):
                frame = _parsed(miner, messages, lines)
                lines += frame.height
                kinds.update(frame["template_id"].unique())
                parts.append(Path(folder) / f"{len(parts)}.parquet")
                frame.write_parquet(parts[-1])
        if not parts:
            raise UsageError("There are no lines to parse.", hint="Name files that hold some.")
        whole = Path(folder) / "whole.parquet"
        pl.scan_parquet(parts).sink_parquet(whole)
        whole.replace(out)
    return ParseReport(lines, len(kinds), forgotten, cut, str(out))


def score_logs(  # noqa: PLR0913, PLR0917 - two files, what their columns are, where to, and how
    train: Path,
    test: Path,
    columns: LogColumns,
    out: Path,
    masks: Sequence[Mask] = (),
    detector: str = "counts",
) -> ScoreReport:
    """Learn from the sessions of `train`, judge those of `test`, write one row for each to `out`.

    Templates come from the training file alone; what `test` says besides is new. Where not both
    files have times, the number of a line is taken for its time, and the report says so.
    `detector` is "counts" or "sequence", which also learns the order of lines.
    """
    check_out(out, (train, test))
    columns = replace(columns, time=_clock(train, test, columns.time))
    model, read = _detector(detector)
    miner = TemplateMiner(masks=masks)
    learned = _lines(train, columns)
    miner.of(learned["message"])
    trained, _ = read(miner, learned)
    model.fit(trained)
    judged, names = read(miner, _lines(test, columns))
    verdicts = model.score(judged)
    reasons = [list(verdicts.reasons.get(row, ())) for row in range(len(judged))]
    frame = pl.DataFrame(
        {
            columns.session or "session": names,
            "score": verdicts.score,
            "p_value": verdicts.p_value,
            "alarm": verdicts.alarm,
            "reasons": pl.Series(reasons, dtype=pl.List(pl.String)),
        }
    )
    partial = out.with_name(out.name + ".partial")
    frame.write_parquet(partial)
    partial.replace(out)
    clock = f"the column {columns.time!r}" if columns.time is not None else _NO_CLOCK
    alarms = int(verdicts.alarm.sum())
    return ScoreReport(len(trained), len(judged), alarms, model.threshold, clock, str(out))


def _detector(name: str) -> tuple[SessionDetector[Any], Read]:
    """The model of that name, and how its sessions are read."""
    if name == "counts":
        return SessionModel(), _sessions
    return order_model(), sequences


def _clock(train: Path, test: Path, name: str | None) -> str | None:
    """The column of the times, if both files have it; one that a person named must be there."""
    if name is None:
        return None
    if name != _TIME:
        scan(train, [name])
        scan(test, [name])
    timed = all(name in scan(path, []).collect_schema() for path in (train, test))
    return name if timed else None


def _parsed(miner: TemplateMiner, messages: pl.Series, first: int) -> pl.DataFrame:
    numbers, texts = miner.of(messages)
    ids = np.fromiter(map(template_id, texts), np.uint64, len(texts))
    return pl.DataFrame(
        {
            "line": pl.int_range(first + 1, first + 1 + len(messages), dtype=pl.UInt64, eager=True),
            "template_id": pl.Series(ids).gather(numbers),
            "template": pl.Series(texts, dtype=pl.String).gather(numbers),
            "parameters": all_parameters(messages.fill_null(""), numbers, texts),
        }
    )


def _chunks(path: Path, column: str | None) -> Iterator[tuple[pl.Series, int]]:
    """The messages of a file, some at a time, and how many of them were cut."""
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}.", hint="Check the path.")
    if column is None:
        refuse_parquet(path)
        yield from _text_chunks(path)
        return
    messages = scan(path, [column], _PARSE_HINT).select(pl.col(column).cast(pl.String))
    total = messages.select(pl.len()).collect().item()
    for first in range(0, total, _CHUNK_ROWS):
        yield messages.slice(first, _CHUNK_ROWS).collect()[column], 0


def _text_chunks(path: Path) -> Iterator[tuple[pl.Series, int]]:
    held, cut = b"", False  # the beginning of a line, and whether some of it was left out
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            first = piece.find(b"\n")
            head = piece if first < 0 else piece[:first]
            cut |= len(held) + len(head) > _LONGEST_LINE
            held += head[: max(0, _LONGEST_LINE - len(held))]
            if first >= 0:
                end = piece.rfind(b"\n")
                yield _series(held + piece[first:end]), int(cut)
                held, cut = piece[end + 1 :], False
    if held:
        yield _series(held), int(cut)


def _series(lines: bytes) -> pl.Series:
    text = pl.Series([lines.decode("utf-8", "replace")])
    return text.str.split("\n").explode().str.strip_suffix("\r")


def _lines(path: Path, columns: LogColumns) -> pl.DataFrame:
    """message, session and at (seconds; the line's number where there are no times)."""
    assert columns.session is not None  # noqa: S101 - narrows the type
    lazy = scan(path, [columns.message, columns.session])
    schema = lazy.collect_schema()
    at = pl.int_range(pl.len()).cast(pl.Float64)
    if columns.time is not None:
        at = _seconds(columns.time, schema[columns.time])
    frame = lazy.select(
        pl.col(columns.message).cast(pl.String).fill_null("").alias("message"),
        pl.col(columns.session).alias("session"),
        at.alias("at"),
    ).collect()
    return frame.filter(pl.col("session").is_not_null())


def _seconds(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.String):
        column = column.str.to_datetime(strict=False)
    if dtype.is_numeric():
        return column.cast(pl.Float64)
    return column.cast(pl.Datetime("us")).to_physical() / 1e6


def _sessions(miner: TemplateMiner, lines: pl.DataFrame) -> tuple[Sessions, pl.Series]:
    """The sessions of `lines`, and their names in the same order (that of their first lines)."""
    numbers, texts = miner.of(lines["message"])
    frame = lines.select("session", "at").with_columns(pl.Series("template", numbers))
    end = frame["at"].max()
    whole = frame.group_by("session", maintain_order=True).agg(pl.col("at").min().alias("start"))
    whole = whole.with_row_index("row")
    rows = (
        frame.join(whole, on="session")
        .group_by("row", "template")
        .agg(pl.len().alias("count"), (pl.col("at") - pl.col("start")).max().alias("last"))
    )
    left = whole.select((pl.lit(end) - pl.col("start")).fill_null(float("inf")))
    sessions = Sessions(
        templates=texts,
        session=rows["row"].cast(pl.Int64).to_numpy(),
        template=rows["template"].to_numpy(),
        count=rows["count"].cast(pl.Int64).to_numpy(),
        last=rows["last"].fill_null(0.0).to_numpy(),
        left=left.to_series().to_numpy(),
    )
    return sessions, whole["session"]
