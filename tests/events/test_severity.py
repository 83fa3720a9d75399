"""The severity a line states."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events.severity import WORDS, severity_of


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
        ('{"ts":1.5,"log.level":"error","msg":"x"}', 17),
        ('{"severity_text":"WARN"}', 13),
        (r'{"log":"{\"level\":\"error\"}"}', 17),
        ("grüße äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü level=error", 17),
        ("E1121 10:00:00.123456 1 model_lifecycle.cc:626] x", 17),
        ("W20261121 10:00:00.123456  1234 file.cc:12] x", 13),
        ("[rank3]:[E616 02:08:15.931416442 socket.cpp:1023] [c10d] x", 17),
        ("E0325 20:57:27.620000 2606 site-packages/torch/api.py:869] failed", 17),
        ("[E 2026-11-21 10:00:00.123 ServerApp] x", 17),
        ("[I 241121 10:00:00 web:2239] 200 GET /", 9),
        ("[TRT] [E] 6: The engine plan file", 17),
        ("[11/20/2026-10:00:00] [W] slow", 13),
        ("[W:onnxruntime:Default, x.cc:870 f] Failed", 13),
        ('{"t":{"$date":"2026-11-21T10:00:00Z"},"s":"E",  "c":"STORAGE"}', 17),
        ("1:M 02 Mar 2026 10:18:08.086 # Warning of any kind", 13),
        ("1:M 02 Mar 2026 10:18:08.086 * Ready to accept connections", 10),
        ("[rank0]: Traceback (most recent call last):", 17),
        ("(EngineCore_DP0 pid=65064) Traceback (most recent call last):", 17),
        ("(EngineCore_DP0 pid=65064) ERROR 01-08 11:19:33 [core.py:866] x", 17),
        ("ERROR 05-07 02:14:18 [core.py:396] EngineCore failed to start.", 17),
        ("thread 'tokio' (4021) panicked at src/main.rs:1:", 21),
        ('Exception in thread "main" java.lang.Error', 17),
        ("terminate called after throwing an instance of 'c10::Error'", 21),
        ("Segmentation fault (core dumped)", 21),
        ("[2026-11-21T13:39:23Z ERROR app] x", 17),
        ("[12:00:00 WRN] slow", 13),
        ("12:00AM FTL no disk", 21),
        ("\x1b[2m2026-11-21T09:36:24.6Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mapp\x1b[0m: x", 17),
        ("[Sun Dec 04 04:47:44.12 2026] [core:error] [pid 35708:tid 4328] x", 17),
        ("2026-11-21T10:00:00.000Z\tERROR\tpkg/file.go:12\tx", 17),
        ("2026-11-21 10:00:00.123 | WARNING  | app:run:12 - x", 13),
        ("2026-11-21 10:00:00 [error    ] event key=1", 17),
        ("2026-11-21 12:00:00 UTC [123] FATAL:  sorry, too many clients already", 21),
        ("Infrastructure is up", None),
        ("a thread 'x' in the middle", None),
        ("GET /error?level=3 200", None),
        ("no ERROR found in the middle", None),
        ("informational text", None),
        ("Errors: 0", None),
        ("", None),
    ],
)
def test_the_severity_of_a_line(line: str, number: int | None) -> None:
    """Stated by a key, at the head, by klog's letter or by a crash; else unknown."""
    assert severity_of(pl.Series([line])).to_list() == [number]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300), max_size=6))
def test_a_line_says_the_same_among_others(lines: list[str]) -> None:
    """Whatever the text is, nothing is raised, and a batch is the sum of its lines."""
    alone = [severity_of(pl.Series([line])).item() for line in lines]
    assert severity_of(pl.Series(lines, dtype=pl.String)).to_list() == alone


@given(st.text(max_size=40), st.sampled_from(sorted(WORDS)))
def test_a_level_after_its_key_is_read_after_any_text(before: str, word: str) -> None:
    """Offsets of bytes and of characters differ; the level is found all the same."""
    plain = "".join(char for char in before if not char.isascii())
    assert severity_of(pl.Series([f"{plain} level={word} x"])).to_list() == [WORDS[word]]
