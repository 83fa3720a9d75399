"""Log templates: what kind of line a line is, and whether its service has written that before.

A template's id is a hash of its text. Lines are masked as a column; only the distinct masked texts,
few however many the lines, are looked at one by one. A batch and its lines one after the other give
the same, as long as nothing had to be forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from boxwatch import pulse
from boxwatch.events.masks import MASKS, Mask, Masker
from boxwatch.events.vocabulary import Vocabulary, template_id


class Line(NamedTuple):
    """What a line is: `new` if its service writes this kind for the first time."""

    template: str
    template_id: int
    new: bool


class TemplateMiner:
    """Tells the kind of every line, and whether that kind is new to its service.

    Args:
        capacity: Kinds, and texts of kinds, that are remembered; the longest unseen are forgotten
            first. A forgotten kind keeps its id and is new again when it comes back.
        masks: What varies in the user's own logs, beside the built-in masks.
        built_in: The masks to use in place of the built-in ones.
    """

    def __init__(
        self,
        capacity: int = 50_000,
        masks: Sequence[Mask] = (),
        built_in: Sequence[Mask] = MASKS,
    ) -> None:
        self.capacity = capacity
        self.vocabulary = Vocabulary(capacity)
        self.forgotten = 0
        self._masker = Masker(masks, built_in)
        self._known: OrderedDict[str, None] = (
            OrderedDict()
        )  # service NUL template, the longest unseen first
        self._told = 0  # of the overflow, how much was told
        self._overflowed = False

    def add(self, logs: pl.DataFrame, service: pl.Expr) -> pl.DataFrame:
        """`logs` with `template_id`, `template` and `new`.

        `new` is true on the first line of a template within its `service` (an expression naming
        it); the rows keep their order.
        """
        templates, texts = self.of(logs["message"])
        names = logs.with_columns(service.fill_null("").alias("service"))["service"]
        new = self._meet(names, templates, texts)
        self._tell()
        ids = pl.Series(np.fromiter(map(template_id, texts), np.uint64, len(texts)))
        return logs.with_columns(
            ids.gather(templates).alias("template_id"),
            pl.Series(texts, dtype=pl.String).gather(templates).alias("template"),
            pl.Series("new", new, dtype=pl.Boolean),
        )

    def of(self, messages: pl.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
        """For each message the number of its template, and the templates by number."""
        codes, distinct = self._masker.kinds(messages.fill_null(""))
        return self._templates(codes.to_numpy().astype(np.int64), distinct.to_list())

    def line(self, message: str, service: str = "") -> Line:
        """The kind of one line: the same as in a batch, without the cost of one."""
        text = self._masker.line(message)
        template = self.vocabulary.get(text)
        if template is None:
            self.vocabulary.learn(text)
            template = self.vocabulary.template(text)
        return Line(template, template_id(template), self._is_new(f"{service}\0{template}"))

    def _templates(
        self, codes: npt.NDArray[np.int64], distinct: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Learn the `distinct` texts in their order; the template of each row, as it was then."""
        numbers: dict[str, int] = {}
        code_of = {text: code for code, text in enumerate(distinct)}
        moved: list[tuple[int, int, int]] = []  # code that caused it, code that moves, template
        table = np.zeros(len(distinct), np.int64)
        for code, text in enumerate(distinct):
            if self.vocabulary.get(text) is None:
                for merge in self.vocabulary.learn(text):
                    if merge.text in code_of and merge.before != merge.after:
                        number = numbers.setdefault(merge.after, len(numbers))
                        moved.append((code, code_of[merge.text], number))
            else:
                self.vocabulary.use(text)
            template = self.vocabulary.template(text)
            table[code] = numbers.setdefault(template, len(numbers))
        # A text that comes later in the batch than what moved it was numbered after the move.
        templates = table[codes]
        for cause, code, number in moved:
            if code < cause:
                begin = int(np.argmax(codes == cause))
                templates[begin:][codes[begin:] == code] = number
        return templates, list(numbers)

    def _meet(
        self, services: pl.Series, templates: npt.NDArray[np.int64], texts: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        """True on the first row of each kind that its service has not written before."""
        new = np.zeros(len(services), bool)
        pairs = pl.DataFrame({"service": services, "template": templates}).with_row_index("row")
        firsts = pairs.unique(["service", "template"], keep="first", maintain_order=True)
        for row, service, template in firsts.iter_rows():
            new[row] = self._is_new(f"{service}\0{texts[template]}")
        return new

    def _is_new(self, kind: str) -> bool:
        new = kind not in self._known
        self._known[kind] = None
        self._known.move_to_end(kind)
        if len(self._known) > self.capacity:
            self._known.popitem(last=False)
            self.forgotten += 1
        return new

    @property
    def overflow(self) -> int:
        """Kinds, and texts of kinds, that had to be forgotten because there are too many."""
        return self.forgotten + self.vocabulary.forgotten

    def _tell(self) -> None:
        """Say how many kinds are known, and that some had to be forgotten."""
        fresh = self.overflow - self._told
        if fresh and not self._overflowed:
            pulse.emit(pulse.TemplatesOverflow(remembered=self.capacity))
        self._overflowed = self._overflowed or fresh > 0
        self._told = self.overflow
        pulse.emit(pulse.TemplatesKept(texts=len(self.vocabulary), forgotten=fresh))

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "masks": self._masker.identity,
            "known": list(self._known),
            "forgotten": self.forgotten,
            "vocabulary": self.vocabulary.save(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        """Take up what `save` returned.

        Where it was saved with other masks, what is known is masked anew: kinds stay known, and
        those that have another id now are told of and stand in `vocabulary.merged`.
        """
        self._known = OrderedDict.fromkeys(saved["known"])
        self.forgotten = int(saved["forgotten"])
        self.vocabulary.load(saved["vocabulary"])
        self._told = self.overflow
        if saved.get("masks") != self._masker.identity:
            self._mask_anew()

    def _mask_anew(self) -> None:
        renamed = self.vocabulary.masked_anew(self._masker.line)
        known = (kind.partition("\0") for kind in self._known)
        self._known = OrderedDict.fromkeys(
            f"{service}\0{renamed.get(template, template)}" for service, _, template in known
        )
        if renamed:
            pulse.emit(pulse.MasksChanged(kinds=len(self.vocabulary), renamed=len(renamed)))
