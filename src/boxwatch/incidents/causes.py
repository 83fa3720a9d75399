"""From findings to words: the title, the ranked causes and what to do."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Final

from boxwatch.detections.detection import LATEST, Detection, Kind
from boxwatch.detections.known import RULES, in_words
from boxwatch.incidents.incident import Cause
from boxwatch.incidents.relations import kind

_MOST: Final = 5
_LEAST_SHARE: Final = 0.08  # a feature that explains less of a score is no reason to name a cause
_STATISTICAL: Final = (
    Kind.UNUSUAL,
    Kind.NOVELTY,
    Kind.BURST,
    Kind.ORDER,
    Kind.SELDOM,
    Kind.MIX,
    Kind.SILENCE,
)
# These name lines, where `unusual` has only counts.
_TELLING: Final = (Kind.BURST, Kind.ORDER, Kind.SELDOM, Kind.MIX)

# How far from the root a finding usually is: hardware fails first, then the machine, then services.
_DEPTH: Final[Mapping[str, int]] = {
    "disk": 0,
    "gpu": 0,
    "fs": 1,
    "host": 2,
    "net": 2,
    "sensor": 2,
    "service": 4,
    "source": 6,
}
_RULE_DEPTH: Final[Mapping[str, int]] = {
    "host-unreachable": 3,  # what was seen of the machine before tells more
    "pcie-error": 3,  # a symptom of whatever device is behind it
    "pcie-error-reported": 4,  # by the port: what the device itself says tells more
    "container-oom-kill": 3,
    "container-oom": 3,
    "cgroup-oom-kill": 4,
    "hung-task": 4,
    "cpu-lockup": 4,
    "host-oom-victim": 4,
    "nccl-crash": 5,
    "no-space-left": 5,
    "container-crash-loop": 5,
    "container-died": 6,
    "service-not-answering": 6,  # a symptom of whatever stopped it
    "requests-pile-up": 5,
    "gpu-not-answering": 1,  # what the kernel says about it tells more
    "nvidia-driver-not-answering": 1,
    "xid-45": 1,  # cleaning up after another error
    "xid-154": 1,
    # What says that something failed, and not why: whatever else was seen tells more.
    "connection-refused": 5,
    "core-dumped": 5,
    "crash-dumped": 5,
    "data-worker-died": 5,
    "deepspeed-rank-failed": 5,
    "nccl-remote-error": 5,
    "nccl-timeout": 5,
    "nccl-watchdog-stuck": 5,
    "ollama-runner-died": 5,
    "pod-crash-loop": 5,
    "program-crashed": 5,
    "rank-crashed": 5,
    "rank-killed": 5,
    "sglang-scheduler-failed": 5,
    "sglang-watchdog": 5,
    "tgi-shard-failed": 5,
    "training-job-failed": 5,
    "unit-dependency-failed": 6,
    "unit-failed": 5,
    "upstream-timeout": 5,
    "vllm-engine-dead": 5,
    "vllm-start-failed": 5,
    "vllm-worker-died": 5,
}
# What only says that a service ended. Where the service had been stuck for so long before, that is
# what happened, and its end is how it was ended.
_ENDED: Final = frozenset({"container-died", "unit-failed"})
_STUCK_BEFORE: Final = timedelta(minutes=5)
_STUCK: Final = "stalled"  # the feature of a service that has requests and does no work


@dataclass(frozen=True, slots=True)
class Pattern:
    """Unusual features that together have a name."""

    entity: str
    all: tuple[str, ...]
    any: tuple[str, ...]
    title: str
    text: str
    action: str


def _load() -> tuple[Pattern, ...]:
    tables = tomllib.loads(files(__package__).joinpath("causes.toml").read_text("utf-8"))
    return tuple(
        Pattern(
            entity=table["entity"],
            all=tuple(table.get("all", ())),
            any=tuple(table.get("any", ())),
            title=table["title"],
            text=table["text"],
            action=table["action"],
        )
        for table in tables["cause"]
    )


PATTERNS: Final = _load()


class _Groups(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "a process" if key == "name" else "?"


@dataclass(frozen=True, slots=True)
class Story:
    """What an incident says: its title, causes (likeliest first) and action."""

    title: str
    causes: tuple[Cause, ...]
    action: str


def root_first(detections: Sequence[Detection]) -> list[Detection]:
    """Known failures before statistics, causes before consequences, worse before better.

    A service that hung long before it ended hung first: that finding comes before its end.
    """
    ordered = sorted(detections, key=_order)
    stuck = [found for found in ordered if _stuck_before(found, ordered[0])]
    return [*stuck[:1], *(found for found in ordered if found not in stuck[:1])]


def _stuck_before(found: Detection, end: Detection) -> bool:
    """Whether `end` is the end of a service that had hung for long, as `found` says."""
    if end.name not in _ENDED or found.entity != end.entity:
        return False
    stuck = found.kind is Kind.SILENCE or any(one.metric == _STUCK for one in found.reasons)
    return stuck and end.start - found.start >= _STUCK_BEFORE


def _order(found: Detection) -> tuple[bool, int, int, bool, object, str]:
    unlisted = _DEPTH.get(kind(found.entity), 4)
    depth = _RULE_DEPTH.get(found.name, unlisted)
    silent = found.kind is Kind.SILENCE
    return found.kind in _STATISTICAL, depth, -found.severity.rank, silent, found.start, found.id


def tell(detections: Sequence[Detection], host: str, aliases: Mapping[str, str]) -> Story:
    """The story of findings in the order of `root_first`. `aliases` names GPUs by their index."""
    root = detections[0]
    known = [found for found in detections if found.name in RULES]
    guessed = [found for found in detections if found.name not in RULES]
    stuck = bool(known) and root.name not in RULES
    guessed.sort(
        key=lambda one: (
            stuck and one is not root,
            one.entity != root.entity,
            one.kind not in _TELLING,
        )
    )
    patterns = [match for found in guessed for match in _patterns(found)[:2]]
    thing = in_words(aliases.get(root.entity, root.entity), host)
    causes = _ranked(known, patterns, root)
    if root.name in RULES:
        action = _addressed(RULES[root.name].action, root.entity)
        return Story(_known_title(root, thing), causes, action)
    if patterns:
        pattern = patterns[0][0]
        action = _addressed(pattern.action, root.entity)
        return Story(pattern.title.format(thing=thing), causes, action)
    return Story(_plain_title(root, thing), causes, _PLAIN_ACTION)


_PLAIN_ACTION: Final = (
    "Look at the evidence below. If nothing is wrong, mark the incident as a false alarm."
)


# What stands in an action for the name of the entity, by its kind.
_PLACES: Final = {"service": re.compile(r"\b(?:UNIT|NAME)\b"), "fs": re.compile(r"\bPATH\b")}


def _addressed(action: str, entity: str) -> str:
    """`action` with the name of `entity` in its commands.

    People paste these commands, and the names come from logs: quoted, so that a name is a name.
    """
    place = _PLACES.get(kind(entity))
    _, _, name = entity.partition(":")
    if place is None or not name:
        return action
    return place.sub(lambda _: shlex.quote(name), action)


def _known_title(root: Detection, thing: str) -> str:
    rule = RULES[root.name]
    matched = None
    if rule.pattern and root.reasons:
        matched = re.search(rule.pattern, root.reasons[0].text)
    caught = {} if matched is None else matched.groupdict()
    groups = _Groups({k: v for k, v in caught.items() if v is not None})
    return rule.title.format_map(_Groups(groups | {"thing": thing}))


def _plain_title(root: Detection, thing: str) -> str:
    if root.kind is Kind.SILENCE:
        return f"{thing} stopped logging"
    if root.kind is Kind.NOVELTY:
        return f"{thing} reports an error never seen before"
    if root.kind is Kind.MISSING:
        return f"{thing} is gone"
    return f"{thing} behaves unusually"


def _shares(found: Detection) -> dict[str, float]:
    shares: dict[str, float] = {}
    for reason in found.reasons:
        share = 1.0 if reason.share is None else reason.share
        if reason.metric and share >= _LEAST_SHARE:
            shares[reason.metric] = max(share, shares.get(reason.metric, 0.0))
    if found.kind is Kind.SILENCE:
        shares["silence"] = 1.0
    return shares


def _patterns(found: Detection) -> list[tuple[Pattern, float, Detection]]:
    """The patterns that fit a statistical finding, the best first, with how much they explain."""
    if found.kind is Kind.NOVELTY:
        return []
    shares = _shares(found)
    fitting = []
    for pattern in PATTERNS:
        if pattern.entity != kind(found.entity) or not set(pattern.all) <= set(shares):
            continue
        some = [name for name in pattern.any if name in shares]
        if pattern.any and not some:
            continue
        explained = sum(shares[name] for name in {*pattern.all, *some})
        fitting.append((pattern, min(1.0, explained), found))
    # A pattern that names features outright is more specific than one that offers alternatives.
    return sorted(fitting, key=lambda fit: -(fit[1] + 0.25 * len(fit[0].all)))


def _ranked(
    known: Sequence[Detection],
    patterns: Sequence[tuple[Pattern, float, Detection]],
    root: Detection,
) -> tuple[Cause, ...]:
    causes: dict[str, Cause] = {}
    most = 0.9 if root.name in RULES else 0.5  # a known end of what began otherwise
    seen = {found.name for found in known}
    for place, found in enumerate(known):
        rule = RULES[found.name]
        if rule.follows in seen:
            continue  # another line of the same failure: what leads has said why
        why = found.reasons[0].text if found.reasons else found.name
        for rank, text in enumerate(rule.causes):
            confidence = max(0.2, most - 0.15 * place - 0.25 * rank)
            said = f"{why} [rule {rule.id}, {rule.dated}]"
            causes.setdefault(text, Cause(text, round(confidence, 2), said))
    for place, (pattern, explained, found) in enumerate(patterns):
        confidence = max(0.1, 0.6 * explained - 0.1 * place)
        causes.setdefault(pattern.text, Cause(pattern.text, round(confidence, 2), _why(found)))
    if not causes:
        causes[""] = Cause("No known pattern fits", 0.1, _why(root))
    order = sorted(causes.values(), key=lambda cause: -cause.confidence)
    return tuple(order[:_MOST])


def _why(found: Detection) -> str:
    told = [reason.text for reason in found.reasons if reason.text != LATEST]
    return "; ".join(told[:3]) or found.name
