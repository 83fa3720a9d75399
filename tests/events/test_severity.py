"""The severity a line states."""

import polars as pl
import pytest

from boxwatch.events.severity import from_text


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("time=2024-05-01T12:00:00Z level=error msg=x", 17),
        ('{"level":"warn","msg":"x"}', 13),
        ('{"severity": "CRITICAL"}', 18),
        ('{"level":50,"msg":"pino"}', 17),
        ("ERROR: disk", 17),
        ("error: disk", 17),
        ("fatal error: out of memory", 21),
        ("INFO:     127.0.0.1:51234 - GET /", 9),
        ("2024-05-01 12:00:00,123 - uvicorn.error - WARNING - x", 13),
        ("12:00:00.123 [main] DEBUG com.x.Y - z", 5),
        ("[2024-05-01 12:00:00 +0000] [12] [INFO] Starting", 9),
        ("2024/05/01 12:00:00 [error] 12#0: *1 open() failed", 17),
        ("[WARN] low", 13),
        ("E0501 12:00:00.123456       1 x.go:12] y", 17),
        ("I0501 12:00:00.123456       1 x.go:12] y", 9),
        ("Traceback (most recent call last):\n  File", 17),
        ("ValueError: bad", 17),
        ("app.py:12: UserWarning: old", 13),
        ("java.io.IOException: closed", 17),
        ("panic: runtime error: index out of range", 21),
        ("thread 'main' panicked at src/main.rs:1", 21),
        ("GET /error?level=3 200", None),
        ("no ERROR found in the middle", None),
        ("informational text", None),
        ("Errors: 0", None),
        ("", None),
    ],
)
def test_the_severity_of_a_line(line: str, number: int | None) -> None:
    """Stated by a key, at the head, by klog's letter or by a crash; else unknown."""
    assert from_text(pl.Series([line])).to_list() == [number]
