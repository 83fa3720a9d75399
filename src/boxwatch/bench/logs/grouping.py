"""GA, FGA and FTA on the corrected 2k sets: one setting for all, the peers beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

import polars as pl

from boxwatch.bench.logs.data_sets import DataSets, System
from boxwatch.bench.logs.peers import MASKS, Peer, mine
from boxwatch.bench.logs.quality import Quality, quality
from boxwatch.bench.result import BenchOptions, Figure, at_least, measured, not_measured

GA: Final = 0.88
FGA: Final = 0.82

_SETTINGS: Final = (MASKS, ())  # of the peers: with five masks, and without
_Found = Mapping[str, Sequence[Quality]]


def grouping(options: BenchOptions, sets: DataSets, peers: Sequence[Peer]) -> list[Figure]:
    """The means over all sets, those of the peers at their better setting, and each set's own."""
    own = list[Quality]()
    others = {peer.name: (list[Quality](), list[Quality]()) for peer in peers}
    for number, system in enumerate(sets.systems):
        options.progress("corrected 2k sets", number, len(sets.systems))
        own.append(_own(options, system))
        for peer in peers:
            if not peer.absent:
                for masks, found in zip(_SETTINGS, others[peer.name], strict=True):
                    found.append(_of_peer(options, system, peer, masks))
    best = {name: max(settings, key=_worth) for name, settings in others.items()}
    return _figures(sets, own, best, peers)


def _worth(found: Sequence[Quality]) -> float:
    return sum(one.ga + one.fga for one in found)


def _figures(
    sets: DataSets, own: Sequence[Quality], others: _Found, peers: Sequence[Peer]
) -> list[Figure]:
    of = f"{len(own)} corrected 2k sets, mean"
    drain3, tipping = peers
    figures = list[Figure]()
    for name, target in (("ga", GA), ("fga", FGA)):
        value = fmean(getattr(one, name) for one in own)
        beside = _beside(drain3, others, name)
        figures.append(at_least(f"{of} {name.upper()}", value, "share", target, beside))
        figures.append(_beside_figure(f"{of} {name.upper()}", value, tipping, others, name))
    value = fmean(one.fta for one in own)
    figures.append(measured(f"{of} FTA", value, "share", _beside(drain3, others, "fta")))
    figures += [
        not_measured(f"{of}, {peer.name}", "share", None, peer.absent)
        for peer in peers
        if peer.absent
    ]
    for system, one in zip(sets.systems, own, strict=True):
        figures += [
            measured(f"{system.name} {name.upper()}", getattr(one, name), "share")
            for name in ("ga", "fga", "fta")
        ]
    return figures


def _own(options: BenchOptions, system: System) -> Quality:
    file, out = options.folder / "messages.parquet", options.folder / "told.parquet"
    system.messages.to_frame("message").write_parquet(file)
    mine(options.folder, "templates", str(file), str(out))
    return quality(system.truth, pl.read_parquet(out)["template"])


def _of_peer(options: BenchOptions, system: System, peer: Peer, masks: Sequence[str]) -> Quality:
    done = peer.run(system.messages, options.folder, masks)
    told = done.groups.cast(pl.String) if done.told is None else done.told
    return quality(system.truth, told, done.groups)


def _beside(peer: Peer, others: _Found, name: str) -> tuple[str, float] | None:
    found = others[peer.name]
    return (peer.title, fmean(getattr(one, name) for one in found)) if found else None


def _beside_figure(title: str, value: float, peer: Peer, others: _Found, name: str) -> Figure:
    return measured(f"{title}, against {peer.name}", value, "share", _beside(peer, others, name))
