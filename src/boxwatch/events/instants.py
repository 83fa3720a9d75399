"""Times as origins write them, as UTC microseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from boxwatch.clock import EPOCH, to_micros
from boxwatch.events.schema import TIME

# A clock that was never set shows 1970, which is kept; beyond this a number is not a time.
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_LATEST_US: Final = to_micros(LATEST)


def usable(time: pl.Expr) -> pl.Expr:
    """`time` where it lies in 1970-2199, else null."""
    return pl.when(time.is_between(EPOCH, LATEST, closed="left")).then(time)


def from_epoch_micros(text: pl.Expr) -> pl.Expr:
    """Microseconds since the epoch, written in digits, as an instant; null where unusable."""
    micros = text.cast(pl.Int64, strict=False)
    # As numbers: a third quicker than as instants.
    return pl.when(micros.is_between(0, _LATEST_US, closed="left")).then(micros).cast(TIME)


def from_epoch_nanos(text: pl.Expr) -> pl.Expr:
    """Nanoseconds since the epoch, written in digits, as an instant; null where unusable."""
    return usable((text.cast(pl.Int64, strict=False) // 1000).cast(TIME))


def from_rfc3339(text: pl.Expr) -> pl.Expr:
    """RFC 3339 with any fraction and offset as an instant; null where unusable.

    Fractions beyond microseconds are cut off, not rounded: order is kept.
    """
    return usable(text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False))


def from_written(text: pl.Expr) -> pl.Expr:
    """RFC 3339, or a number since the epoch whose size tells s, ms, us or ns."""
    number = text.cast(pl.Float64, strict=False)
    micros = (
        pl.when(number < 1e11)
        .then(number * 1e6)
        .when(number < 1e14)
        .then(number * 1e3)
        .when(number < 1e17)
        .then(number)
        .otherwise(number / 1e3)
    )
    return pl.coalesce(from_rfc3339(text), usable(micros.cast(pl.Int64, strict=False).cast(TIME)))
