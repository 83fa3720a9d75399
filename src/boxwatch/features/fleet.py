"""The `fleet` view: one card beside its peers, which are of the same model and under similar load.

Peers are the other cards of the same box where it has at least two such, since they breathe the
same air and do the same work; else those of all boxes. Nothing of a card's own history is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from boxwatch.events.schema import TIME, Schema
from boxwatch.features.beside import beside, beside_any
from boxwatch.features.blocks import BLOCK, CARD_METRICS, wide
from boxwatch.features.view import Direction, Feature, View

_HIGH: Final = Direction.HIGH

FLEET: Final = View(
    "fleet",
    int(BLOCK.total_seconds()),
    (
        Feature("hotter_than_peers", "celsius", _HIGH, 3.5, 8.0, "core temperature above peers"),
        Feature(
            "memory_hotter_than_peers", "celsius", _HIGH, 4.0, 10.0, "memory temperature above them"
        ),
        Feature("slower_than_peers", "ratio", _HIGH, 0.03, 0.08, "clock below theirs, under load"),
        Feature("link_below_peers", "ratio", _HIGH, 0.05, 0.25, "PCIe bandwidth below theirs"),
        Feature("limit_below_peers", "ratio", _HIGH, 0.02, 0.05, "power limit below theirs"),
        Feature("more_ecc_than_peers", "log", _HIGH, 0.8, 2.3, "corrected errors a day, times"),
    ),
)

COMPARED: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    "start": TIME,
    "feature": pl.String(),
    "own": pl.Float64(),  # the card's value, in the unit of its metric
    "usual": pl.Float64(),  # the middle of its peers', at the card's own power
    "excess": pl.Float64(),  # the feature: positive = worse than the peers
    "spread": pl.Float64(),  # of the peers, in the unit of the feature: 1.4826 MAD
    "peers": pl.UInt32(),
    "near": pl.Boolean(),  # whether the peers are all of the same box
    "group": pl.UInt32(),  # cards of one feature and group were compared with each other
    "model": pl.String(),
    "slowed": pl.Float64(),  # share of the time that the card was slowed by heat or brake
}

_BUSY: Final = 0.5  # utilisation from which clocks and links can be judged
_HEAT: Final = 40.0  # degrees that a card warms from no power to all of it: levels small distances
_GAP: Final = 0.08  # share of the limit: cards of a box further apart do not draw equal power
_MORE_POWER: Final = 0.05  # a card that draws so much more is slow because it does more
_STEADY: Final = 0.1  # power that moved by more within a block has not warmed the card yet
_DAY_BLOCKS: Final = 288.0
_BURST: Final = 10.0  # errors of one block that count: a burst says little of the rate
_LEAST_PEERS: Final = 2
_BINS: Final = ("bin", "other_bin")

_STATIC: Final = (
    "power_limit_watts",
    "memory_total_bytes",
    "clock_sm_max_hertz",
    "pcie_generation",
    "pcie_width_lanes",
)
_KNOWN: Final[Schema] = {
    "host": pl.String(),
    "entity": pl.String(),
    **dict.fromkeys((*_STATIC, "power_before", "ecc_day"), pl.Float64()),
    "seen": TIME,
}
_MODELS: Final[Schema] = {"host": pl.String(), "entity": pl.String(), "name": pl.String()}
_KEY: Final = ["host", "entity"]


class Fleet:
    """Compares cards block by block. All state is in `save()`."""

    def __init__(self) -> None:
        self._models = pl.DataFrame(schema=dict(_MODELS))
        self._known = pl.DataFrame(schema=dict(_KNOWN))

    def learn(self, logs: pl.DataFrame) -> None:
        """Take the models of cards from what their driver said when they were found."""
        card = (pl.col("source") == "gpu") & (pl.col("subtype") == "card")
        told = logs.filter(card & pl.col("attributes").is_not_null())
        if told.is_empty():
            return
        named = told.select(
            "host",
            ("gpu:" + pl.col("attributes").str.json_path_match("$.index")).alias("entity"),
            pl.col("attributes").str.json_path_match("$.name").alias("name"),
        ).drop_nulls()
        self._models = pl.concat([self._models, named]).unique(_KEY, keep="last").sort(_KEY)

    def add(self, blocks: pl.DataFrame) -> pl.DataFrame:
        """Every card beside its peers (COMPARED), oldest first, from `blocks` that closed."""
        cards = wide(blocks, CARD_METRICS, "gpu:")
        frames = []
        for _, block in cards.group_by("start", maintain_order=True):
            frames.append(compared(self._with_known(block)))
        return pl.concat(frames) if frames else pl.DataFrame(schema=dict(COMPARED))

    def _with_known(self, block: pl.DataFrame) -> pl.DataFrame:
        """One block's cards with what is known of them, which it updates."""
        known = self._known.rename({name: f"old:{name}" for name in _STATIC}).drop("seen")
        joined = block.join(known, on=_KEY, how="left").join(self._models, on=_KEY, how="left")
        grown = (pl.col("ecc_corrected_total") * FLEET.window_s).clip(0.0, _BURST)
        weight = 1 / _DAY_BLOCKS
        now = joined.with_columns(
            pl.coalesce(name, f"old:{name}").alias(name) for name in _STATIC
        ).with_columns(
            (pl.col("power_draw_watts") / pl.col("power_limit_watts")).alias("power"),
            pl.when(grown.is_not_null())
            .then(pl.col("ecc_day").fill_null(0.0) * (1 - weight) + grown)
            .otherwise("ecc_day")
            .alias("ecc_day"),
        )
        latest = now.select(
            *_KEY, *_STATIC, pl.col("power").alias("power_before"), "ecc_day", seen="start"
        )
        rest = self._known.join(latest, on=_KEY, how="anti")
        day = pl.col("seen") > pl.col("seen").max() - BLOCK * int(_DAY_BLOCKS)
        self._known = pl.concat([rest, latest.select(list(_KNOWN))]).filter(day).sort(_KEY)
        return _described(now)

    def save(self) -> dict[str, object]:
        """All state: frames."""
        return {"models": self._models, "known": self._known}

    def load(self, saved: Mapping[str, object]) -> None:
        """Take up what `save` returned."""
        self._models = cast("pl.DataFrame", saved["models"])
        self._known = cast("pl.DataFrame", saved["known"])


def _described(cards: pl.DataFrame) -> pl.DataFrame:
    """`cards` with their model, whether they are busy, and the values that are compared."""
    alike = pl.format(
        "GPU of {} GB",
        (pl.col("memory_total_bytes") / 1e9).round().cast(pl.Int64).cast(pl.String),
    )
    marked = pl.format("{}\0{}", "alike", pl.col("clock_sm_max_hertz").fill_null(0.0))
    steady = (pl.col("power") - pl.col("power_before")).abs() <= _STEADY
    return cards.with_columns(alike=alike).select(
        *_KEY,
        "start",
        pl.coalesce("name", "alike").alias("model"),
        pl.coalesce("name", marked).alias("kind"),  # cards without a name: by memory and clock
        "power",
        (pl.col("utilization_ratio") >= _BUSY).fill_null(value=False).alias("busy"),
        steady.fill_null(value=False).alias("steady"),
        pl.sum_horizontal(
            "throttle_hw_thermal_seconds_total",
            "throttle_hw_power_brake_seconds_total",
            "throttle_sw_thermal_seconds_total",
        )
        .fill_null(0.0)
        .alias("slowed"),
        pl.col("temperature_celsius").alias("hotter_than_peers"),
        pl.col("memory_temperature_celsius").alias("memory_hotter_than_peers"),
        pl.col("clock_sm_hertz").alias("slower_than_peers"),
        (pl.lit(2.0).pow(pl.col("pcie_generation")) * pl.col("pcie_width_lanes")).alias(
            "link_below_peers"
        ),
        pl.col("power_limit_watts").alias("limit_below_peers"),
        pl.col("ecc_day").alias("more_ecc_than_peers"),
    )


def compared(cards: pl.DataFrame) -> pl.DataFrame:
    """Each card of one block beside its peers, as COMPARED; those without a peer are left out."""
    named = cards.filter(pl.col("kind").is_not_null())
    frames = [_of_feature(named, feature) for feature in FLEET.features]
    return pl.concat(frames)


def _of_feature(cards: pl.DataFrame, feature: Feature) -> pl.DataFrame:
    name, warm = feature.name, feature.unit == "celsius"
    mine = cards.with_columns(pl.col(name).alias("own")).filter(pl.col("own").is_not_null())
    load: list[str] = []
    if warm:
        mine = _by_power(mine.filter(pl.col("steady")))
        load = ["load"]
    elif name in ("slower_than_peers", "link_below_peers"):
        mine = mine.filter(pl.col("busy"))
    if mine.height <= 1:
        return pl.DataFrame(schema=dict(COMPARED))
    near = _numbered(mine, ["host", "kind", *load])
    far = [_numbered(mine, ["kind", one]) for one in _BINS] if warm else [_numbered(mine, ["kind"])]
    own = mine["own"].to_numpy()
    power = mine["power"].fill_null(0.0).to_numpy()
    level = np.log1p(own) if feature.unit == "log" else own - _HEAT * power if warm else own
    beside_near, beside_far = beside(level, near), beside_any(level, far)
    close = beside_near.peers >= np.minimum(_LEAST_PEERS, beside_far.peers)
    peers = np.where(close, beside_near.peers, beside_far.peers)
    usual = np.where(close, beside_near.usual, beside_far.usual)
    mad = np.where(close, beside_near.mad, beside_far.mad)
    excess, spread, shown = _excess(feature, level, usual, mad, power)
    if name == "slower_than_peers":
        theirs = np.where(close, beside(power, near).usual, beside_any(power, far).usual)
        excess = np.where(power > theirs + _MORE_POWER, 0.0, excess)
    groups = np.where(close, near, beside_far.group + near.max() + 1)
    return (
        mine.with_columns(
            pl.lit(name).alias("feature"),
            pl.Series("usual", shown),
            pl.Series("excess", excess),
            pl.Series("spread", spread),
            pl.Series("peers", peers, pl.UInt32),
            pl.Series("near", close),
            pl.Series("group", groups, pl.UInt32),
        )
        .filter(pl.col("peers") > 0)
        .select(list(COMPARED))
    )


def _by_power(cards: pl.DataFrame) -> pl.DataFrame:
    """`cards` with `load`, alike for cards of a box that draw about equal power, and two bins.

    Bins of fixed width part cards that draw nearly the same; in a box they are parted where there
    is a gap between them, and of all boxes there are two ways to bin, of which one suits each card.
    """
    ordered = cards.filter(pl.col("power").is_not_null()).sort("host", "kind", "power", "entity")
    gap = (pl.col("power").diff() > _GAP).fill_null(value=False)
    return ordered.with_columns(
        gap.cum_sum().over("host", "kind").alias("load"),
        (pl.col("power") * 10).floor().alias("bin"),
        (pl.col("power") * 10 + 0.5).floor().alias("other_bin"),
    )


def _numbered(cards: pl.DataFrame, names: list[str]) -> NDArray[np.int64]:
    """The number of each card's group, the groups in the order of `names`."""
    key = cards.select(pl.struct(names).rank("dense").cast(pl.Int64).alias("number"))
    return key["number"].to_numpy()


def _excess(
    feature: Feature,
    level: NDArray[np.float64],
    usual: NDArray[np.float64],
    mad: NDArray[np.float64],
    power: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The feature, the peers' spread in its unit, and what is usual in the unit of the metric."""
    if feature.unit == "celsius":
        return level - usual, mad, usual + _HEAT * power
    if feature.unit == "log":
        return level - usual, mad, np.expm1(usual)
    known = usual > 0
    scale = np.where(known, usual, 1.0)
    return np.where(known, 1 - level / scale, 0.0), np.where(known, mad / scale, 0.0), usual
