"""What a machine that only watches must load for its models: numpy, and nothing heavier."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("sklearn", "scipy", "onnx", "onnxruntime", "torch", "pickle5", "joblib")


def test_models_need_only_numpy():
    """Importing the room loads none of the heavy libraries."""
    program = "import sys, boxwatch.models; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = out.stdout.split()
    assert "numpy" in loaded
    assert not set(HEAVY) & set(loaded)
