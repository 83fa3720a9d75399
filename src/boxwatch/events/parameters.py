"""What stood where a template has `<*>`: extracted on demand, template by template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from boxwatch.events.masks import WILD

# Lines of a template below which a regular expression does not pay: compiling one takes as long as
# some hundred lines without it.
_FEW: Final = 64
_LIST: Final = pl.List(pl.String)


def parameters(messages: pl.Series, template: str) -> pl.Series:
    """For each message of `template` the texts behind its `<*>`, in order.

    A list that was masked as one is one parameter. Where the template was made from the head of a
    long message, or its blanks were stripped, the rest is left out.
    """
    pieces = template.split(WILD)
    if len(pieces) == 1:
        return pl.Series("parameters", [[]], dtype=_LIST).new_from_index(0, len(messages))
    form = "(?s)^" + "(.*?)".join(map(_literal, pieces[:-1]))
    form += "(.*?)" + _literal(pieces[-1]) + r"[ \t]*\z" if pieces[-1] else r"(.*?)[ \t]*\z"
    loose = form.removesuffix(r"[ \t]*\z")
    groups = (
        messages.str.strip_chars_start(" \t")
        .alias("m")
        .to_frame()
        .select(pl.coalesce(_groups(form, len(pieces) - 1), _groups(loose, len(pieces) - 1)))
    )
    return groups.to_series().alias("parameters")


def parameters_of_line(message: str, template: str) -> list[str] | None:
    """The same for one message, without the cost of a column."""
    first, *middle = template.split(WILD)
    if not middle:
        return []
    *middle, last = middle
    position = len(message) - len(message.lstrip(" \t"))
    if not message.startswith(first, position):
        return None
    position += len(first)
    values = []
    for piece in middle:
        found = message.find(piece, position)
        if found < 0:
            return None
        values.append(message[position:found])
        position = found + len(piece)
    end = max(position, len(message.rstrip(" \t")))
    if message.endswith(last, position, end):
        return [*values, message[position : end - len(last)]]
    found = message.find(last, position)
    return None if found < 0 else [*values, message[position:found]]


def all_parameters(
    messages: pl.Series, numbers: npt.NDArray[np.int64], templates: Sequence[str]
) -> pl.Series:
    """The parameters of messages of many templates.

    Args:
        messages: Without nulls.
        numbers: For each message the number of its template.
        templates: By number.
    """
    lines = pl.DataFrame({"message": messages, "number": numbers}).with_row_index("row")
    often = np.bincount(numbers, minlength=len(templates)) >= _FEW
    plain = np.array([WILD not in template for template in templates], dtype=bool)
    nothing = lines.filter(pl.Series(plain[numbers]))
    found = [nothing.select("row", parameters(nothing["message"], ""))]
    many = lines.filter(pl.Series((often & ~plain)[numbers]))
    found += [
        rows.select("row", parameters(rows["message"], templates[int(str(number))]))
        for (number,), rows in many.group_by("number")
    ]
    few = lines.filter(pl.Series((~often & ~plain)[numbers]))
    values = [parameters_of_line(text, templates[n]) for _, text, n in few.iter_rows()]
    found.append(few.select("row", pl.Series("parameters", values, dtype=_LIST)))
    return pl.concat(found).sort("row")["parameters"]


def _groups(form: str, count: int) -> pl.Expr:
    fields = pl.col("m").str.extract_groups(form)
    matched = fields.struct.field("1").is_not_null()
    values = [fields.struct.field(str(number)) for number in range(1, count + 1)]
    return pl.when(matched).then(pl.concat_list(values))


def _literal(text: str) -> str:
    """`text` in Rust's regex and Python's: escaped, whatever it holds."""
    return re.escape(text)
