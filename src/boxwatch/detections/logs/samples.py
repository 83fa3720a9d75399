"""Samples of a service's lines: what came after each, and what was before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.sequence import HORIZON_S, Rule
from boxwatch.detections.logs.trials import Rates, Trial

_AFTER: Final = ">"
_BEFORE: Final = "<"


class Heard(NamedTuple):
    """A line, as the order needs it. `session` is an id that it carries, or empty."""

    clock: float
    at: float
    template: str
    session: str | None
    process: str
    event_id: int
    line: str
    fails: bool


@dataclass(slots=True)
class Sample:
    """A line whose followers are being noted."""

    number: int
    clock: float
    template: str
    session: str
    process: str
    seen: dict[str, float] = field(default_factory=dict)  # kind -> seconds until it came first


@dataclass(slots=True)
class Samples:
    """The samples of one service, those under way and what was learned of them."""

    number: int = 0  # of the latest sample
    noted: dict[str, int] = field(default_factory=dict)  # kind -> the last sample that noted it
    due: dict[str, None] = field(default_factory=dict)  # trials with samples not yet looked at
    trials: dict[str, Trial] = field(default_factory=dict)  # by direction, mode and kind
    waiting: list[Sample] = field(default_factory=list)  # of lines among those of the service
    by_id: dict[str, list[Sample]] = field(default_factory=dict)  # among those of the same id

    def note(self, one: Heard) -> None:
        """Tell the samples that wait of a line."""
        noted = self.noted.get(one.template, 0)
        if noted < self.number:
            for sample in reversed(self.waiting):
                if sample.number <= noted or one.clock - sample.clock > HORIZON_S:
                    break
                sample.seen[one.template] = one.clock - sample.clock
            self.noted[one.template] = self.number
        if one.session:
            for sample in self.by_id.get(one.session, ()):
                if one.clock - sample.clock <= HORIZON_S:
                    sample.seen.setdefault(one.template, one.clock - sample.clock)

    def take(self, one: Heard, session: str, last: Mapping[str, float], *, listened: bool) -> None:
        """Begin to note what follows a line; and, if one `listened` long enough, what was before.

        `last` says when each kind came last, in the service or with the id `session`.
        """
        mode = "#" if session else "~"
        if self._trial(f"{_AFTER}{mode}{one.template}").due(one.clock):
            self.number += 1
            sample = Sample(self.number, one.clock, one.template, session, one.process)
            if session:
                self.by_id.setdefault(session, []).append(sample)
            else:
                self.waiting.append(sample)
        key = f"{_BEFORE}{mode}{one.template}"
        trial = self._trial(key)
        if listened and trial.due(one.clock):
            self.due[key] = None
            trial.take(
                {
                    other: one.clock - clock
                    for other, clock in last.items()
                    if one.clock - clock <= HORIZON_S and other != one.template
                }
            )

    def close(self, now: float, heard_since: Callable[[str, float], bool]) -> None:
        """End the samples that had their time; those whose process fell silent tell nothing."""
        begun = now - HORIZON_S
        done = []
        while self.waiting and self.waiting[0].clock <= begun:
            done.append(self.waiting.pop(0))
        for session, samples in list(self.by_id.items()):
            if samples[0].clock <= begun:
                done += [sample for sample in samples if sample.clock <= begun]
                self.by_id[session] = [sample for sample in samples if sample.clock > begun]
                if not self.by_id[session]:
                    del self.by_id[session]
        for sample in done:
            if heard_since(sample.process, sample.clock + HORIZON_S):
                sample.seen.pop(sample.template, None)
                key = f"{_AFTER}{'#' if sample.session else '~'}{sample.template}"
                self.due[key] = None
                self._trial(key).take(sample.seen)

    def rules(self, learning: Learning, rates: Rates) -> Iterator[Rule]:
        """The rules that show; what was seen for a short time only may be one mishap."""
        for key in self.due:
            trial = self._trial(key)
            if trial.cases >= learning.cases and trial.sampled - trial.began >= learning.age_s:
                backward, by_id = key[0] == _BEFORE, key[1] == "#"
                yield from trial.rules(key[2:], backward=backward, by_id=by_id, rates=rates)
        self.due.clear()

    def forget(self, template: str) -> None:
        """Know nothing of `template` any more."""
        self.noted.pop(template, None)
        self.waiting = [sample for sample in self.waiting if sample.template != template]
        for session in list(self.by_id):
            left = [sample for sample in self.by_id[session] if sample.template != template]
            self.by_id[session] = left
            if not left:
                del self.by_id[session]
        for key in [key for key in self.trials if key[2:] == template]:
            del self.trials[key]
            self.due.pop(key, None)
        for trial in self.trials.values():
            trial.met.pop(template, None)

    def _trial(self, key: str) -> Trial:
        trial = self.trials.get(key)
        if trial is None:
            trial = self.trials[key] = Trial()
        return trial

    def save(self) -> dict[str, Any]:
        """All state, JSON-able."""
        return {
            "number": self.number,
            "noted": dict(self.noted),
            "due": list(self.due),
            "trials": {key: trial.save() for key, trial in self.trials.items()},
            "waiting": [asdict(sample) for sample in self.waiting],
            "by_id": [asdict(one) for samples in self.by_id.values() for one in samples],
        }

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Samples:
        """The samples that `save` described."""
        by_id: dict[str, list[Sample]] = {}
        for one in saved["by_id"]:
            by_id.setdefault(one["session"], []).append(Sample(**one))
        return cls(
            number=saved["number"],
            noted=dict(saved["noted"]),
            due=dict.fromkeys(saved["due"]),
            trials={key: Trial.load(state) for key, state in saved["trials"].items()},
            waiting=[Sample(**one) for one in saved["waiting"]],
            by_id=by_id,
        )
