"""From matching lines to findings: counting, holding open, escalating, ending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from boxwatch.clock import to_micros
from boxwatch.detections.detection import Detection, Severity
from boxwatch.detections.known.findings import SECOND, Finding, reason
from boxwatch.detections.known.lines import LEARNT, Hit
from boxwatch.detections.known.names import Names
from boxwatch.detections.known.rule import Rule
from boxwatch.detections.known.rule_files import XID

KEPT_LINES: Final = 5  # evidence lines a finding keeps: the first ones tell most
_FOLLOWS: Final = 5 * SECOND  # how soon a companion line comes
_LATE: Final = 600 * SECOND  # how late a line may come and still meet what it belongs to
_TEXT: Final = 200  # characters of a line that a reason quotes


@dataclass(slots=True)
class Track:
    """What one rule remembers about one entity: recent lines and the finding they make."""

    recent: list[int] = field(default_factory=list)
    waiting: list[dict[str, object]] = field(default_factory=list)  # reasons before it is one
    finding: Finding | None = None

    @property
    def last(self) -> int:
        """The last line, microseconds."""
        return self.recent[-1] if self.recent else 0


Key = tuple[str, str, str]  # rule, host, entity


class LineFindings:
    """Findings of the log rules. Driven by event times; the cut into batches does not matter."""

    def __init__(self, rules: Mapping[str, Rule], names: Names) -> None:
        self._rules, self._names = rules, names
        self._tracks: dict[Key, Track] = {}
        self._latest: dict[tuple[str, str], tuple[int, str]] = {}  # rule, host -> time, entity

    def add(self, hit: Hit) -> list[Detection]:
        """Take one line; findings that it ended (because a new one begins) come back."""
        if hit.rule == LEARNT:
            self._names.learn_line(hit)
            return []
        rule = self._rules.get(_specific(hit, self._rules))
        if rule is None:
            return []
        entity = self._entity(rule, hit)
        if self._quiet(rule, hit, entity):
            return []
        self._latest[rule.id, hit.host] = (hit.time_us, entity)
        return self._take(rule, hit, entity)

    def settle(self, now: datetime) -> list[Detection]:
        """What grew or, `hold_seconds` after its last line, ended until `now`."""
        instant, out = to_micros(now), []
        for (name, _, _), track in self._tracks.items():
            found = track.finding
            if found is None:
                continue
            over = instant - found.last > self._rules[name].hold_seconds * SECOND
            out.append(found.news(closing=over))
        self._forget(instant)
        return [news for news in out if news is not None]

    def _entity(self, rule: Rule, hit: Hit) -> str:
        leader = self._latest.get((rule.follows, hit.host))
        if rule.follows and leader is not None and hit.time_us - leader[0] <= _FOLLOWS:
            return leader[1]
        return self._names.entity(rule.entity, hit)

    def _quiet(self, rule: Rule, hit: Hit, entity: str) -> bool:
        if rule.quiet_after is None:
            return False
        track = self._tracks.get((rule.quiet_after.rule, hit.host, entity))
        if track is None or not track.recent:
            return False
        return 0 <= hit.time_us - track.last <= rule.quiet_after.seconds * SECOND

    def _take(self, rule: Rule, hit: Hit, entity: str) -> list[Detection]:
        track = self._tracks.setdefault((rule.id, hit.host, entity), Track())
        ended = _continue(track, rule, hit)
        if track.recent and abs(hit.time_us - track.last) < rule.apart_seconds * SECOND:
            return ended  # the same line by another way, or one burst
        longest = max(rule.within_seconds, _repeat_window(rule)) * SECOND
        most = max(rule.least, 1 if rule.repeat is None else rule.repeat.count)
        recent = [t for t in track.recent if hit.time_us - t <= longest]
        track.recent = [*recent, hit.time_us][-most:]
        if rule.silent:
            return ended
        _count(track, rule, hit, entity)
        return ended

    def _forget(self, now: int) -> None:
        """Drop what can no longer matter, by the newest line of each host, not by arrival."""
        newest: dict[str, int] = {}
        for (_, host), (instant, _) in self._latest.items():
            newest[host] = max(instant, newest.get(host, 0))
        gone = [
            key
            for key, track in self._tracks.items()
            if _over(track, self._rules[key[0]], min(now, newest.get(key[1], now)))
        ]
        for key in gone:
            del self._tracks[key]

    def save(self) -> dict[str, object]:
        """All tracks, JSON-able."""
        return {
            "tracks": [[*key, asdict(track)] for key, track in self._tracks.items()],
            "latest": [[*key, *value] for key, value in self._latest.items()],
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from what `save` described; rules that are gone are left out."""
        tracks, latest = state["tracks"], state["latest"]
        self._tracks = {}
        for rule, host, entity, saved in tracks:  # type: ignore[attr-defined]
            if rule in self._rules:
                found = saved["finding"]
                self._tracks[rule, host, entity] = Track(
                    recent=list(saved["recent"]),
                    waiting=list(saved["waiting"]),
                    finding=None if found is None else Finding(**found),
                )
        self._latest = {(r, h): (t, e) for r, h, t, e in latest}  # type: ignore[attr-defined]


def _specific(hit: Hit, rules: Mapping[str, Rule]) -> str:
    """The rule of an Xid's own code; the generic one where the catalogue does not list it."""
    if hit.rule != XID:
        return hit.rule
    return f"{XID}-{hit.groups['code']}" if f"{XID}-{hit.groups['code']}" in rules else XID


def _repeat_window(rule: Rule) -> float:
    return 0.0 if rule.repeat is None else rule.repeat.within_seconds


def _continue(track: Track, rule: Rule, hit: Hit) -> list[Detection]:
    """Let the line extend the finding of the track, or end that one if the line is too far off."""
    found, hold = track.finding, int(rule.hold_seconds * SECOND)
    if found is None:
        return []
    if found.first - hold <= hit.time_us <= found.last + hold:
        found.last = max(found.last, hit.time_us)
        return []
    track.finding = None
    news = found.news(closing=True)
    return [] if news is None else [news]


def _count(track: Track, rule: Rule, hit: Hit, entity: str) -> None:
    """Add the line's evidence; make a finding once there are enough lines."""
    said = _said(rule, hit, entity)
    if track.finding is None:
        window = int(rule.within_seconds * SECOND)
        close = [t for t in track.recent if hit.time_us - t <= window] or [hit.time_us]
        track.waiting = [*track.waiting, said][-rule.least :]
        if rule.least > 1 and len(close) < rule.least:
            return
        first = min(close) if rule.least > 1 else hit.time_us
        track.finding = Finding(
            rule.id, hit.host, entity, first, hit.time_us, rule.severity.value, rule.least
        )
        track.finding.reasons, track.waiting = track.waiting[-KEPT_LINES:], []
    else:
        track.finding.count += 1
        if len(track.finding.reasons) < KEPT_LINES:
            track.finding.reasons.append(said)
    _escalate(track, rule, hit)
    _number(track.finding)


def _escalate(track: Track, rule: Rule, hit: Hit) -> None:
    if rule.repeat is None or track.finding is None:
        return
    window = rule.repeat.within_seconds * SECOND
    often = sum(hit.time_us - t <= window for t in track.recent)
    if often >= rule.repeat.count:
        worst = max(Severity(track.finding.severity), rule.repeat.severity, key=_rank)
        track.finding.severity = worst.value


def _rank(severity: Severity) -> int:
    return severity.rank


def _number(found: Finding) -> None:
    """Say in the first reason how often it was seen, and over which time."""
    first = dict(found.reasons[0])
    text = str(first["text"]).split(" (seen ", maxsplit=1)[0]
    if found.count > 1:
        text += f" (seen {found.count} times in {(found.last - found.first) / SECOND:.0f} s)"
    found.reasons[0] = first | {"text": text}


def _said(rule: Rule, hit: Hit, entity: str) -> dict[str, object]:
    text = hit.message if rule.origin == "docker-event" else hit.text
    text = text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
    code = hit.groups.get("code", "")
    lead = f"Xid {code}: " if rule.id.startswith(XID) else ""
    return reason(f"{lead}{text}", entity=entity, event_id=hit.event_id)


def _over(track: Track, rule: Rule, instant: int) -> bool:
    longest = max(rule.hold_seconds, rule.within_seconds, _repeat_window(rule)) * SECOND
    quiet = rule.quiet_after.seconds * SECOND if rule.quiet_after is not None else 0
    last = track.last if track.finding is None else max(track.last, track.finding.last)
    ended = track.finding is None or track.finding.closed
    return ended and instant - last > max(longest, quiet) + _LATE
