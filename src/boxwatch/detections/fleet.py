"""Cards that stand out among their peers: hotter, slower, on a lesser link, limited, or wearing.

A card is strange in a block where it is further from the middle of its peers than both the floor of
the feature and the false-alarm budget allow; the spread that is held against it is that of the
peers, together with what such cards usually differ by. Three blocks more strange than not make a
finding, and it ends as they began. With a single peer nobody can say which of the two is strange:
then only a card that is slowed by heat or the power brake is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, cast

import polars as pl

from boxwatch.clock import from_micros, to_micros
from boxwatch.detections.chances import pooled, student_tail
from boxwatch.detections.detection import Detection, Kind, Reason, Severity
from boxwatch.features.fleet import FLEET
from boxwatch.features.view import Feature

NAMES: Final[Mapping[str, str]] = {
    "hotter_than_peers": "gpu-hotter-than-peers",
    "memory_hotter_than_peers": "gpu-memory-hotter-than-peers",
    "slower_than_peers": "gpu-slower-than-peers",
    "link_below_peers": "gpu-link-below-peers",
    "limit_below_peers": "gpu-limit-below-peers",
    "more_ecc_than_peers": "gpu-ecc-above-peers",
}
SHARE: Final = 0.1  # of the false-alarm budget that comparing cards may use up
METRICS: Final[Mapping[str, str]] = {
    "hotter_than_peers": "temperature_celsius",
    "memory_hotter_than_peers": "memory_temperature_celsius",
    "slower_than_peers": "clock_sm_hertz",
    "link_below_peers": "pcie_width_lanes",
    "limit_below_peers": "power_limit_watts",
    "more_ecc_than_peers": "ecc_corrected_total",
}

_WEIGHT: Final = 8.0  # cards that the usual spread of a feature stands for
_FAR: Final = 1.7  # how much more cards of other boxes differ: other air, other work
_OPENS: Final = 3  # blocks more strange than not
_MOST: Final = 5
_SLOWED: Final = 0.01  # share of the time
_ABSOLUTE: Final = ("hotter_than_peers", "slower_than_peers")
_HOUR: Final = 3_600_000_000
_GONE: Final = 24 * _HOUR  # a card that could not be compared for so long
_NAMED: Final = 8  # peers that are named one by one
_FEATURES: Final[Mapping[str, Feature]] = {one.name: one for one in FLEET.features}


@dataclass(slots=True)
class Stand:
    """How one card stands by one feature: blocks more strange than not; times in microseconds."""

    count: int = 0
    first: int = 0
    last: int = 0  # when it was strange last
    seen: int = 0
    told: int = 0  # the end it was announced with last
    open: bool = False
    p_value: float = 1.0
    said: list[dict[str, Any]] = field(default_factory=list)


class FleetWatch:
    """From compared cards to findings. All state is in `save()`.

    Args:
        per_host_week: False alarms allowed per host and week, in all.
    """

    def __init__(self, per_host_week: float = 1.0) -> None:
        self._budget = SHARE * per_host_week
        self._stands: dict[tuple[str, str, str], Stand] = {}

    def add(self, compared: pl.DataFrame) -> list[Detection]:
        """Findings that opened, went on or ended in `compared` (features.fleet.COMPARED)."""
        found: dict[str, Detection] = {}
        for (start,), block in compared.group_by("start", maintain_order=True):
            for one in self._block(block, to_micros(cast("datetime", start))):
                found[one.id] = one
        return list(found.values())

    def _block(self, block: pl.DataFrame, start: int) -> list[Detection]:
        cards = block.group_by("host").agg(pl.col("entity").n_unique().alias("cards"))
        far = _beyond_floor(block)
        news: list[Detection] = []
        strange: set[tuple[str, str, str]] = set()
        for row in far.join(cards, on="host").sort("host", "entity", "feature").to_dicts():
            p = chance(row)
            if p <= self._budget / (len(FLEET.features) * row["cards"]):
                strange.add((row["host"], row["entity"], row["feature"]))
                news += self._strange(row, block, start, p)
        if self._stands:
            news += self._fine(block, strange, start)
        return news

    def _strange(
        self, row: Mapping[str, Any], block: pl.DataFrame, start: int, p: float
    ) -> list[Detection]:
        key = (row["host"], row["entity"], row["feature"])
        stand = self._stands.setdefault(key, Stand(first=start))
        stand.count = min(stand.count + 1, _MOST)
        end = start + FLEET.window_s * 1_000_000
        stand.seen = stand.last = end
        if not stand.open and stand.count >= _OPENS:
            stand.open = True
        elif not stand.open or stand.last - stand.told < _HOUR:
            return []
        stand.told, stand.p_value = end, p
        stand.said = [asdict(reason) for reason in _reasons(row, block)]
        return [_finding(key, stand)]

    def _fine(
        self, block: pl.DataFrame, strange: set[tuple[str, str, str]], start: int
    ) -> list[Detection]:
        """What those that were strange are now: less so, or not there for long."""
        keys = [key for key in self._stands if key not in strange]
        if not keys:
            return []
        names = ["host", "entity", "feature"]
        asked = pl.DataFrame(keys, schema=dict.fromkeys(names, pl.String), orient="row")
        there = set(asked.join(block.select(names), on=names, how="semi").iter_rows())
        ended = []
        for key in keys:
            stand = self._stands[key]
            if key in there:
                stand.count, stand.seen = stand.count - 1, start
            if stand.count > 0 and start - stand.seen <= _GONE:
                continue
            del self._stands[key]
            if stand.open:
                stand.open = False
                ended.append(_finding(key, stand))
        return ended

    def save(self) -> dict[str, object]:
        """All state, JSON-able."""
        return {"stands": [[*key, asdict(stand)] for key, stand in self._stands.items()]}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take up what `save` returned."""
        self._stands = {
            (host, entity, feature): Stand(**stand)
            for host, entity, feature, stand in saved["stands"]
        }


def _beyond_floor(block: pl.DataFrame) -> pl.DataFrame:
    """The rows that are further from their peers than a person need not care about."""
    floor = pl.col("feature").replace_strict(
        {one.name: one.floor for one in FLEET.features}, return_dtype=pl.Float64
    )
    slowed = (pl.col("slowed") >= _SLOWED) & pl.col("feature").is_in(_ABSOLUTE)
    return block.filter((pl.col("excess") >= floor) & ((pl.col("peers") >= 2) | slowed))


def chance(row: Mapping[str, Any]) -> float:
    """The chance that a card like its peers is so far from them (one row of COMPARED)."""
    feature, peers = _FEATURES[row["feature"]], row["peers"]
    usual = feature.spread * (1.0 if row["near"] else _FAR)
    scale = pooled(usual, _WEIGHT, row["spread"], peers)
    return student_tail(row["excess"] / scale, _WEIGHT + peers - 1)


def _finding(key: tuple[str, str, str], stand: Stand) -> Detection:
    host, entity, feature = key
    return Detection(
        host=host,
        entity=entity,
        start=from_micros(stand.first),
        end=from_micros(stand.last),
        open=stand.open,
        kind=Kind.UNUSUAL,
        name=NAMES[feature],
        severity=Severity.LOW if feature == "limit_below_peers" else Severity.MEDIUM,
        reasons=tuple(Reason(**said) for said in stand.said),
        p_value=stand.p_value,
    )


def _reasons(row: Mapping[str, Any], block: pl.DataFrame) -> list[Reason]:
    """What stands out, in numbers, and two of the peers to draw beside it."""
    mates = block.filter(
        (pl.col("feature") == row["feature"])
        & (pl.col("group") == row["group"])
        & ~((pl.col("host") == row["host"]) & (pl.col("entity") == row["entity"]))
    ).sort("host", "entity")
    metric = METRICS[row["feature"]]
    texts = [Reason(_text(row, mates), entity=row["entity"], metric=row["feature"], share=1.0)]
    beside = mates.filter(pl.col("host") == row["host"]).head(2)
    for entity, own in beside.select("entity", "own").iter_rows():
        texts.append(Reason(f"{entity}: {_value(row['feature'], own)}", entity, metric, share=0.0))
    return texts


def _text(row: Mapping[str, Any], mates: pl.DataFrame) -> str:
    feature, excess = row["feature"], row["excess"]
    own, usual = _value(feature, row["own"]), _value(feature, row["usual"])
    who = _who(row, mates)
    if feature == "hotter_than_peers":
        return (
            f"runs {excess:.0f} °C hotter than {who} at equal power: {own} where {usual} is usual"
        )
    if feature == "memory_hotter_than_peers":
        return f"its memory is {excess:.0f} °C hotter than that of {who} at equal power: {own}"
    if feature == "slower_than_peers":
        return f"its clock is {excess * 100:.0f} % below that of {who} under load: {own} of {usual}"
    if feature == "link_below_peers":
        return f"its PCIe link has {excess * 100:.0f} % less bandwidth than that of {who}"
    if feature == "limit_below_peers":
        return f"its power limit is {own} where that of {who} is {usual}"
    return f"corrected about {own} memory errors in a day, {who} about {usual}"


def _who(row: Mapping[str, Any], mates: pl.DataFrame) -> str:
    """The peers in words: how many of which model, and which ones or of how many boxes."""
    count, model = row["peers"], row["model"]
    others = f"the {count} other {model}" if count > 1 else f"the other {model}"
    if not row["near"]:
        hosts = mates["host"].n_unique()
        return f"{others} of {hosts} host{'' if hosts == 1 else 's'}"
    names = mates["entity"].to_list()
    more = "" if len(names) <= _NAMED else ", …"
    return f"{others} of its host ({', '.join(names[:_NAMED])}{more})"


def _value(feature: str, value: float) -> str:
    if feature in ("hotter_than_peers", "memory_hotter_than_peers"):
        return f"{value:.0f} °C"
    if feature == "slower_than_peers":
        return f"{value / 1e6:.0f} MHz"
    if feature == "limit_below_peers":
        return f"{value:.0f} W"
    if feature == "link_below_peers":
        return f"{value:.0f}"
    return f"{value:.0f}"
