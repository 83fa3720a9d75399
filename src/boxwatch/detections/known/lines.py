"""Screening log lines for the patterns of the known-failure rules.

Millions of healthy lines pass for each one that matters, so one automaton over the literals of all
rules comes first (a regular expression of nothing but alternatives: Polars compiles it once and
keeps it, while its own multi-pattern search is built anew for every batch); only lines that hold a
literal meet the exact patterns, and only those of the rules whose literals they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from boxwatch.detections.known.rule import Rule
from boxwatch.detections.known.rule_files import XID
from boxwatch.detections.known.rules import RULES
from boxwatch.events.notices import NOTICES

# What a line about the names of things looks like; it teaches and is no finding.
GPU_NAMED: Final = r"NVRM: GPU at (?:PCI:)?(?P<pci>[0-9a-fA-F:.]+): (?P<uuid>GPU-[0-9a-f-]+)"
_GPU_LITERAL: Final = "NVRM: GPU at"
LEARNT: Final = "learnt"  # the rule name of hits that only teach names

_EVENT_TEXT: Final = "docker event"
_FEW: Final = (
    65_536  # bytes in which texts are searched one by one; the automaton takes 3 ms to make
)
_KEPT: Final = ("time", "host", "source", "unit", "container_name", "container_id", "event_id")


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that a rule matched: where it stands in its batch, and what the pattern caught."""

    rule: str
    row: int
    time_us: int
    host: str
    source: str
    unit: str
    container_name: str
    container_id: str
    event_id: int | None
    text: str
    message: str
    groups: Mapping[str, str]


def _event_text() -> pl.Expr:
    """A Docker event as one canonical line, from its attributes or, without them, its message."""
    told = pl.coalesce("attributes", pl.lit("{}"))

    def said(*paths: str) -> list[pl.Expr]:
        return [told.str.json_path_match(path) for path in paths]

    action = pl.coalesce(
        *said("$.Action", "$.action", "$.status"),
        pl.col("message").str.extract(r"^(?:container )?(\w+(?:: \w+)?)", 1),
        pl.lit(""),
    )
    code = pl.coalesce(
        *said("$.Actor.Attributes.exitCode", "$.exitCode", "$.exit_code"),
        pl.col("message").str.extract(r"(?i)exit(?:ed)?[ _]?(?:code|status)?\W+(\d+)", 1),
        pl.lit(""),
    )
    signal = pl.coalesce(*said("$.Actor.Attributes.signal", "$.signal"), pl.lit(""))
    return pl.format("docker event {} exit={} signal={}", action, code, signal)


def _origin(name: str) -> pl.Expr:
    """Which lines a rule of this origin may read: a container cannot speak for the kernel."""
    kernel = (pl.col("source") == "kernel") | (
        (pl.col("source") == "systemd") & (pl.col("unit") == "kernel").fill_null(value=False)
    )
    kernel |= (pl.col("source") == "gpu").fill_null(value=False)  # its driver's own library
    event = pl.col("is_event")
    return {
        "kernel": kernel,
        "systemd": (pl.col("source") == "systemd") & ~kernel,
        "docker-event": event,
        "notice": pl.col("subtype").is_in(NOTICES).fill_null(value=False),
        "program": ~kernel & ~event,
        "any": pl.lit(value=True),
    }[name]


class LineScreen:
    """Finds the lines that log rules match. Without state: what a batch holds is what it gives."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = [
            rule for rule in rules.values() if rule.pattern and not rule.id.startswith(f"{XID}-")
        ]
        if XID not in rules and any(name.startswith(f"{XID}-") for name in rules):
            self._rules.append(RULES[XID])  # the pattern that all codes share
        lines = [rule for rule in self._rules if rule.origin != "docker-event"]
        events = [rule for rule in self._rules if rule.origin in ("docker-event", "any")]
        self._lines = any_of([_GPU_LITERAL, *(text for r in lines for text in r.literals)])
        self._events = any_of(text for r in events for text in r.literals)
        self._literals = sorted({text for rule in self._rules for text in rule.literals})

    def hits(self, logs: pl.DataFrame) -> list[Hit]:
        """Every match in `logs`, in the order of its rows; one line may match several rules."""
        if logs.is_empty():
            return []
        frame = self._candidates(logs)
        if frame.is_empty():
            return []
        held = self._held(frame["text"])
        found = _matches(frame.filter(_origin("kernel")), LEARNT, GPU_NAMED)
        for rule in self._rules:
            rows = sorted({row for text in rule.literals for row in held.get(text, ())})
            if rows:
                found += _matches(frame[rows].filter(_origin(rule.origin)), rule.id, rule.pattern)
        return sorted(found, key=lambda hit: hit.row)

    def _held(self, texts: pl.Series) -> Mapping[str, Sequence[int]]:
        """Each literal that occurs in `texts`, and the places of those that hold it."""
        if (texts.str.len_bytes().sum() or 0) <= _FEW:
            held: dict[str, list[int]] = {}
            for row, line in enumerate(texts):
                for text in self._literals:
                    if text in line:
                        held.setdefault(text, []).append(row)
            return held
        said = texts.str.extract_many(self._literals, overlapping=True).list.unique()
        found = pl.DataFrame({"row": range(len(texts)), "literal": said}).explode("literal")
        told = found.drop_nulls().group_by("literal").agg("row")
        return dict(zip(told["literal"], told["row"].to_list(), strict=True))

    def _candidates(self, logs: pl.DataFrame) -> pl.DataFrame:
        """The lines and container events that hold any literal, with the text to match."""
        event = ((pl.col("source") == "docker") & (pl.col("subtype") == "event")).fill_null(
            value=False
        )
        some = logs.with_row_index("row").filter(
            event | pl.col("message").str.contains(self._lines)
        )
        if some.is_empty():
            return some
        some = some.rechunk()  # Polars 2.1 panics in `_event_text` over a column in several pieces
        told = some.with_columns(event.alias("is_event")).with_columns(
            pl.when("is_event").then(_event_text()).otherwise("message").alias("text")
        )
        # Most container events are health checks that ran.
        return told.filter(~pl.col("is_event") | pl.col("text").str.contains(self._events))


def any_of(literals: Iterable[str]) -> str:
    """A pattern that finds any of `literals`, and nothing else."""
    return (
        "|".join(re.escape(text) for text in sorted(set(literals))) or r"[^\s\S]"
    )  # of none: nothing


def _matches(frame: pl.DataFrame, rule: str, pattern: str) -> list[Hit]:
    if frame.is_empty():
        return []
    matched = frame.filter(pl.col("text").str.contains(pattern))
    if matched.is_empty():
        return []
    columns: Sequence[pl.Expr | str] = [
        "row",
        *_KEPT[1:],
        "text",
        "message",
        pl.col("time").dt.timestamp("us").alias("time_us"),
        pl.col("text").str.extract_groups(pattern).alias("groups"),
    ]
    return [
        Hit(
            rule=rule,
            row=row["row"],
            time_us=row["time_us"],
            host=row["host"],
            source=row["source"],
            unit=row["unit"] or "",
            container_name=row["container_name"] or "",
            container_id=row["container_id"] or "",
            event_id=row["event_id"],
            text=row["text"],
            message=row["message"] or "",
            groups={k: v for k, v in (row["groups"] or {}).items() if v is not None},
        )
        for row in matched.select(columns).iter_rows(named=True)
    ]
