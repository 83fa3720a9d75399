"""Missing lines: a kind of line that a service writes all the time, and does not any more.

Its service goes on writing, so it is not silent; what does not come any more is one kind of its
lines, or it comes far too seldom. `beats` says when that is. An error that does not come any more
is none, nor is a line of a service that was started anew: it must come once before it is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from boxwatch.detections.detection import Detection
from boxwatch.detections.logs.beats import Beat, Gap, Talker, starts, tells_of_start
from boxwatch.detections.logs.learning import Learning
from boxwatch.detections.logs.lost import Lost, instant, lost_line, told
from boxwatch.detections.logs.slots import Group, WatchedClocks, slots
from boxwatch.events.vocabulary import template_id

_MOST_SERVICES: Final = 2000
_MOST_KINDS: Final = 20_000
_TELL_S: Final = 60.0  # so often an open finding grows
_KEPT: Final = 3  # gaps as they should be, after which it is over
_SLOW_S: Final = 7200.0  # a line that has come too seldom for so long comes so often now
_GONE_S: Final = 86400.0  # one that has been missing for so long is no more
_UNHEARD_S: Final = 3600.0  # and of a service that has not written for so long none is missed


class MissingWatch:
    """Finds lines that are missing. All state is in `save()`."""

    def __init__(self, learning: Learning | None = None) -> None:
        self._learning = Learning() if learning is None else learning
        self._clocks = WatchedClocks()
        self._services: dict[str, Talker] = {}  # the longest unheard first
        self._kinds = 0
        self._open: dict[str, Lost] = {}  # "host NUL entity NUL template"

    def add(self, lines: pl.DataFrame, merged: Mapping[int, int]) -> list[Detection]:
        """The findings that opened, grew or ended. `lines` as `LineStream` hands them on.

        `merged` says which template (by id) became part of which: its lines have another name now.
        """
        changed: dict[str, Detection] = {}
        base: dict[str, int] = {}
        for slot in slots(lines):
            changed |= {found.id: found for found in self._take(slot, base, merged)}
        return list(changed.values())

    def settle(self, until: datetime) -> list[Detection]:
        """The findings about services that have not written for an hour at `until`."""
        over = []
        for key, lost in list(self._open.items()):
            if until.timestamp() - lost.found.end.timestamp() >= _UNHEARD_S:
                over.append(self._close(key))
        return over

    def _take(
        self, groups: Sequence[Group], base: dict[str, int], merged: Mapping[int, int]
    ) -> Iterator[Detection]:
        """All that was written in one slot."""
        offsets = self._clocks.go_on(groups)
        latest: dict[str, Group] = {}
        for group in groups:
            talker = self._known(group, offsets)
            place = base.setdefault(group.service, talker.lines)
            offset = offsets[group.host]
            talker.at = max(talker.at, group.end + offset)
            talker.lines = max(talker.lines, place + group.last + 1)
            talker.speak(group.process, group.end + offset)
            if group.service not in latest or group.last > latest[group.service].last:
                latest[group.service] = group
            yield from self._hear(group, talker, place, offset)
        for service, group in latest.items():
            yield from self._look(service, self._services[service], group, merged)

    def _known(self, group: Group, offsets: Mapping[str, float]) -> Talker:
        talker = self._services.pop(group.service, None)
        if talker is None:
            talker = Talker(first=group.begin + offsets[group.host])
            while self._services and (
                len(self._services) >= _MOST_SERVICES or self._kinds >= _MOST_KINDS
            ):
                self._kinds -= len(self._services.pop(next(iter(self._services))).beats)
        self._services[group.service] = talker
        return talker

    def _hear(self, group: Group, talker: Talker, place: int, offset: float) -> Iterator[Detection]:
        beat = talker.beats.get(group.template)
        begin, end, last = group.begin + offset, group.end + offset, place + group.last
        if beat is None:
            before = len(talker.beats)
            if not talker.room():
                return
            beat = Beat(
                begin,
                end,
                last,
                group.end,
                group.event_id,
                group.process,
                group.fails,
                starts(group.template),
                chunk_at=end,
                chunk_place=last,
            )
            talker.beats[group.template] = beat
            self._kinds += len(talker.beats) - before
        else:
            gap = beat.gap(begin, place + group.places[0])
            beat.own += group.heard
            beat.at, beat.place, beat.when = end, last, group.end
            beat.event_id, beat.process = group.event_id, group.process
            beat.fails = beat.fails or group.fails
            yield from self._heard(group, beat, [gap, *group.gaps()])
            beat.measure(end, last)
            talker.due = min(talker.due, end + beat.enough_s)
        beat.heard += group.heard
        if tells_of_start(beat):
            talker.started = end

    def _heard(self, group: Group, beat: Beat, gaps: list[Gap]) -> Iterator[Detection]:
        """What a line that came again says of the finding about it, if there is one."""
        key = f"{group.service}\0{group.template}"
        lost = self._open.get(key)
        if lost is None:
            beat.learn(gaps)
            return
        beat.begin(beat.at, beat.place)
        usual = gaps[0][0] < beat.enough_s
        beat.learn(gaps if lost.times == 0 or usual else gaps[1:])
        lost.kept = lost.kept + 1 if usual else 0
        lost.times += group.heard
        if lost.kept == 0:
            end = max(lost.found.end, instant(group.begin))
            lost.found = replace(lost.found, end=end)
        slow = beat.at - lost.since >= _SLOW_S
        if slow:
            beat.forget()
        if lost.kept >= _KEPT or slow:
            yield self._close(key)

    def _look(
        self, service: str, talker: Talker, latest: Group, merged: Mapping[int, int]
    ) -> Iterator[Detection]:
        """What the end of a slot shows of one service."""
        for key in [key for key in self._open if key.rpartition("\0")[0] == service]:
            yield from self._grow(key, talker, latest)
        if talker.at < talker.due:
            return
        for template, beat in list(talker.beats.items()):
            key = f"{service}\0{template}"
            if key in self._open or not talker.missing(beat, self._learning):
                if talker.at - beat.at >= beat.enough_s + _GONE_S:
                    self._forget(talker, template)
            elif template_id(template) in merged:
                self._forget(talker, template)
            else:
                self._open[key] = lost_line(service, template, beat)
                yield from self._grow(key, talker, latest)
        talker.due = min((beat.at + beat.enough_s for beat in talker.beats.values()), default=0.0)

    def _grow(self, key: str, talker: Talker, latest: Group) -> Iterator[Detection]:
        lost = self._open[key]
        beat = talker.beats.get(key.rpartition("\0")[2])
        if beat is None or talker.replaced(beat):
            yield self._close(key)
        elif talker.at - beat.at >= beat.enough_s and talker.at - lost.told >= _TELL_S:
            lost.told = talker.at
            seconds, lines = talker.at - lost.since, talker.lines - lost.place - 1
            end = max(lost.found.end, instant(latest.end))
            lost.found = replace(lost.found, end=end, reasons=told(lost, seconds, lines, latest))
            yield lost.found

    def _close(self, key: str) -> Detection:
        found = self._open.pop(key).found
        return found.grown(found.end, still_open=False)

    def _forget(self, talker: Talker, template: str) -> None:
        del talker.beats[template]
        self._kinds -= 1

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {
            "clocks": self._clocks.save(),
            "services": {name: talker.save() for name, talker in self._services.items()},
            "open": {key: lost.save() for key, lost in self._open.items()},
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._clocks.load(saved["clocks"])
        self._services = {name: Talker.load(state) for name, state in saved["services"].items()}
        self._kinds = sum(len(talker.beats) for talker in self._services.values())
        self._open = {key: Lost.load(state) for key, state in saved["open"].items()}
