"""What stood where a template has `<*>`: extracted on demand, template by template."""

from __future__ import annotations

import re

import polars as pl

from boxwatch.events.masks import WILD


def parameters(messages: pl.Series, template: str) -> pl.Series:
    """For each message of `template` the texts behind its `<*>`, in order.

    A list that was masked as one is one parameter. Where the template was made from the head of a
    long message, or its blanks were stripped, the rest is left out.
    """
    pieces = template.split(WILD)
    if len(pieces) == 1:
        return pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, len(messages))
    form = r"(?s)^[ \t]*" + "(.*?)".join(map(_literal, pieces[:-1]))
    form += "(.*?)" + _literal(pieces[-1]) + r"[ \t]*\z" if pieces[-1] else r"(.*?)[ \t]*\z"
    loose = form.removesuffix(r"[ \t]*\z")
    groups = (
        messages.alias("m")
        .to_frame()
        .select(pl.coalesce(_groups(form, len(pieces) - 1), _groups(loose, len(pieces) - 1)))
    )
    return groups.to_series().alias("parameters")


def _groups(form: str, count: int) -> pl.Expr:
    fields = pl.col("m").str.extract_groups(form)
    matched = fields.struct.field("1").is_not_null()
    values = [fields.struct.field(str(number)) for number in range(1, count + 1)]
    return pl.when(matched).then(pl.concat_list(values))


def _literal(text: str) -> str:
    """`text` in Rust's regex and Python's: escaped, whatever it holds."""
    return re.escape(text)
