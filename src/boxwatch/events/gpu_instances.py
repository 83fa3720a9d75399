"""The instances of a split card (MIG) as samples: entity `gpu:<index>/mig:<instance>`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from boxwatch.events.schema import SAMPLES, check, empty

Instance = Mapping[str, Any]

_MIB: Final = 1024.0 * 1024.0
# Key of the record -> metric and the factor to its unit.
_METRICS: Final[Mapping[str, tuple[str, float]]] = {
    "memory_used": ("mig_memory_used_bytes", _MIB),
    "memory_total": ("mig_memory_total_bytes", _MIB),
    "memory_free": ("mig_memory_free_bytes", _MIB),
    "multiprocessors": ("mig_multiprocessors", 1.0),
    "ecc_uncorrected_sram": ("mig_ecc_uncorrected_sram_total", 1.0),
}
_WIDEST: Final = 16  # digits of a number; more is none


def samples(frame: pl.DataFrame, lists: Mapping[int, Sequence[Instance]]) -> pl.DataFrame:
    """The readings of the instances in `lists`, by row of `frame`; as unknown as printed."""
    known = frame.filter(pl.col("row").is_in(list(lists)) & pl.col("time").is_not_null())
    rows = []
    for row, time, host, index in known.select("row", "time", "host", "index").iter_rows():
        for one in lists[row]:
            entity = f"gpu:{int(index)}/mig:{one['instance']}"
            for key, (metric, factor) in _METRICS.items():
                text = str(one.get(key, "[not told]"))
                number = text.removesuffix(" MiB")
                if number.isascii() and number.isdecimal() and len(number) <= _WIDEST:
                    value, reason = float(number) * factor, None
                else:
                    value, reason = None, text[:300]
                rows.append((time, host, "gpu", entity, metric, value, reason))
    if not rows:
        return empty(SAMPLES)
    made = pl.DataFrame(rows, schema=dict(SAMPLES), orient="row")
    return check(made, SAMPLES, "samples of MIG instances")


def in_words(instances: Sequence[Instance]) -> str:
    """What a card is split into, such as `2 instances: 0 with 40448 MiB, 1 with 9984 MiB.`."""
    said = [f"{one['instance']} with {one.get('memory_total', 'unknown')}" for one in instances]
    many = f"{len(said)} instance{'' if len(said) == 1 else 's'}"
    return f"{many}: {', '.join(said)}." if said else "no instance."
