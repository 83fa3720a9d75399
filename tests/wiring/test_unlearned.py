"""Watching alone loads nothing that only learning needs."""

from __future__ import annotations

import json
import subprocess
import sys

_HEAVY = ("mlflow", "optuna", "torch", "sqlalchemy", "sklearn", "evidently", "pandas", "scipy")
_CHILD = """
import json, sys
from boxwatch.cli.border import run
status = run(["up", "--for", "5", "--data", "data"])
loaded = sorted({name.partition(".")[0] for name in sys.modules} | set(sys.modules))
print("MODULES", json.dumps([status, loaded]))
"""


def test_up_without_learning_loads_no_part_of_it(tmp_path):
    """No tracking, no search, no networks, none of the rooms of learning; it did watch."""
    child = subprocess.run(
        [sys.executable, "-c", _CHILD], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    told = [line for line in child.stdout.splitlines() if line.startswith("MODULES ")]
    assert told, child.stderr
    status, loaded = json.loads(told[0].removeprefix("MODULES "))
    assert status == 0
    assert "boxwatch.live.loop" in loaded
    assert [name for name in _HEAVY if name in loaded] == []
    assert [name for name in loaded if name.startswith("boxwatch.lifecycle.")] == []
