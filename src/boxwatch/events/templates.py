"""Log templates, first version: what a line says once its variable parts are masked.

A template's id is a hash of its text, so it is the same after a restart and on another machine.
Masking runs on the distinct messages of a batch only: a busy log repeats itself.
"""

from __future__ import annotations

from typing import Final

import polars as pl
import xxhash

# In this order: a later mask must not eat what an earlier one needs whole.
MASKS: Final[tuple[tuple[str, str], ...]] = (
    (r'"[^"]*"', '"<*>"'),
    (r"'[^']*'", "'<*>'"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "<uuid>"),
    (r"\b(?:[a-z][a-z0-9+.-]*://)[^\s,;\"')\]]+", "<url>"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<ip>"),
    (r"\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"(^|[\s=:(\[,])/[^\s,;:\"')\]]+", "${1}<path>"),
    (r"\b0x[0-9a-fA-F]+\b", "<hex>"),
    (r"\b(?:[0-9a-f]*\d[0-9a-f]*[a-f][0-9a-f]*|[0-9a-f]*[a-f][0-9a-f]*\d[0-9a-f]*)\b", "<hex>"),
    (r"[^\s=:,;()\[\]<>|/]*\d[^\s=:,;()\[\]<>|/]*", "<*>"),
)

_LONGEST = 1024  # characters of a message that take part: enough to tell kinds apart


def mask(messages: pl.Series) -> pl.Series:
    """The masked text of each message."""
    text = pl.col("m").str.slice(0, _LONGEST)
    for pattern, name in MASKS:
        text = text.str.replace_all(pattern, name)
    return messages.alias("m").to_frame().select(text)["m"]


def template_id(template: str) -> int:
    """The stable id of a template's text: 64 bits, unsigned."""
    return xxhash.xxh3_64_intdigest(template.encode())


class TemplateMiner:
    """Tells the kind of every line, and whether that kind is new.

    Bounded: at most `capacity` templates are remembered, the longest unseen forgotten first. A
    forgotten template keeps its id and is new again when it comes back; `forgotten` counts them.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self.capacity = capacity
        self.forgotten = 0
        self._known: dict[str, int] = {}  # template of a service -> id, oldest use first

    def add(self, logs: pl.DataFrame, service: pl.Expr) -> pl.DataFrame:
        """`logs` with `template_id`, `template` and `new`.

        `new` is true on the first line of a template within its `service` (an expression naming
        it); the rows keep their order.
        """
        if logs.is_empty():
            return logs.with_columns(
                pl.lit(None, pl.UInt64).alias("template_id"),
                pl.lit(None, pl.String).alias("template"),
                pl.lit(value=False).alias("new"),
            )
        distinct = logs.select(pl.col("message").unique(maintain_order=True))
        masked = distinct.with_columns(mask(distinct["message"]).alias("template"))
        lines = logs.join(masked, on="message", how="left", maintain_order="left").with_columns(
            pl.concat_str(service.fill_null(""), pl.lit("\0"), pl.col("template")).alias("key")
        )
        kinds = lines.select(pl.col("key").unique(maintain_order=True))["key"].to_list()
        fresh = [key for key in kinds if key not in self._known]
        self._remember(kinds)
        ids = pl.DataFrame(
            {"key": kinds, "template_id": [self._known_id(key) for key in kinds]},
            schema={"key": pl.String, "template_id": pl.UInt64},
        )
        first = pl.col("key").is_first_distinct() & pl.col("key").is_in(fresh)
        return (
            lines.join(ids, on="key", how="left", maintain_order="left")
            .with_columns(first.alias("new"))
            .drop("key")
        )

    @staticmethod
    def _known_id(key: str) -> int:
        return template_id(key.split("\0", 1)[1])

    def _remember(self, kinds: list[str]) -> None:
        for key in kinds:
            self._known.pop(key, None)
            self._known[key] = 1
        while len(self._known) > self.capacity:
            self._known.pop(next(iter(self._known)))
            self.forgotten += 1

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {"known": list(self._known), "forgotten": self.forgotten}

    def load(self, saved: dict[str, object]) -> None:
        """Take up what `save` returned."""
        self._known = dict.fromkeys(saved["known"], 1)  # type: ignore[call-overload]
        self.forgotten = int(saved["forgotten"])  # type: ignore[call-overload]
