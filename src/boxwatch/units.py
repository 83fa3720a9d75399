"""Quantities as people write and read them: durations, sizes, shares, counts, rates.

Reading accepts a number (in the unit the place asks for) or a number with a unit. Printing gives
the two largest units that matter. Everything inside the product is in base units: seconds, bytes,
ratios from 0 to 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

# Whatever the case: "7D" means days to whoever writes it, and nobody sets months here.
SECONDS: Final[Mapping[str, float]] = {
    "us": 1e-6,
    "ms": 1e-3,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
BYTES: Final[Mapping[str, int]] = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}

DURATIONS_ALLOWED: Final = 'a number of {unit}, or a number with a unit: "30s", "5m", "1h", "7d"'
SIZES_ALLOWED: Final = 'a number of bytes, or a number with a unit: "256MB", "256MiB", "20GiB"'
RATIOS_ALLOWED: Final = 'a share from 0 to 1, or a percentage from "0%" to "100%"'

_QUANTITY: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*([A-Za-z%]*)\s*")
_LADDER: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def duration(value: str | float, *, unit: float = 1.0, name: str = "seconds") -> float:
    """Seconds. A bare number counts `unit` seconds each; `name` is what errors call that unit.

    Raises:
        ValueError: not a number, not a known unit, negative or not finite.

    """
    allowed = DURATIONS_ALLOWED.format(unit=name)
    number, suffix = _split(value, "duration", allowed)
    if suffix and suffix not in SECONDS:
        raise ValueError(f"{value!r} is not a duration; allowed: {allowed}.")
    return number * (SECONDS[suffix] if suffix else unit)


def size(value: str | int) -> int:
    """Bytes; `MB` counts by thousands and `MiB` by 1024.

    Raises:
        ValueError: not a number, not a known unit, or negative.

    """
    number, suffix = _split(value, "size", SIZES_ALLOWED)
    if suffix and suffix not in BYTES:
        raise ValueError(f"{value!r} is not a size; allowed: {SIZES_ALLOWED}.")
    return round(number * (BYTES[suffix] if suffix else 1))


def ratio(value: str | float) -> float:
    """A share from 0 to 1.

    Raises:
        ValueError: not a number, or outside 0 to 1.

    """
    number, suffix = _split(value, "share", RATIOS_ALLOWED)
    share = number / 100 if suffix == "%" else number
    if suffix not in {"", "%"} or share > 1:
        raise ValueError(f"{value!r} is not a share; allowed: {RATIOS_ALLOWED}.")
    return share


def print_duration(seconds: float) -> str:
    """`seconds` for a person: `3 m 20 s`, `2 d 4 h`, `0.25 s`."""
    if not math.isfinite(seconds):
        return "for ever" if seconds > 0 else "unknown"
    if seconds < 0:
        return f"-{print_duration(-seconds)}"
    if seconds < 10:
        return f"{seconds:.3g} s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for name, length in _LADDER:
        count, left = divmod(left, length)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


def print_lasted(span: timedelta) -> str:
    """How long something lasted, for a person, in whole seconds: `15 m 57 s`; or `< 1 s`."""
    seconds = int(span.total_seconds())
    return "< 1 s" if 0 <= seconds < 1 else print_duration(seconds)


def print_size(size_bytes: float) -> str:
    """`size_bytes` for a person, by 1024: `1.2 GiB`."""
    if size_bytes < 0:
        return f"-{print_size(-size_bytes)}"
    value = size_bytes
    for unit in ("B", "KiB", "MiB", "GiB"):
        if round(value, 1) < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def print_ratio(share: float) -> str:
    """`share` as a percentage: `12 %`, `0.4 %`."""
    return f"{share * 100:.2g} %" if abs(share) < 0.0995 else f"{share * 100:.0f} %"


def print_count(count: float) -> str:
    """`count` with thousands apart: `1,234,567`."""
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.3g}"


def print_rate(per_second: float, what: str) -> str:
    """How many of `what` a second: `310,000 lines/s`."""
    return (
        f"{print_count(round(per_second, 1) if per_second < 100 else round(per_second))} {what}/s"
    )


def _split(value: str | float, kind: str, allowed: str) -> tuple[float, str]:
    match = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    if match is None:
        if isinstance(value, float) and math.isfinite(value) and value >= 0:
            return value, ""  # 1e-07 and its like print with an exponent
        raise ValueError(f"{value!r} is not a {kind}; allowed: {allowed}.")
    number = float(match[1])
    if number < 0:
        raise ValueError(f"{value!r} is negative; allowed: {allowed}.")
    return number, match[2].lower()
