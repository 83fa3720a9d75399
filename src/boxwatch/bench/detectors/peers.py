"""The peers: PyOD and scikit-learn in an environment of their own that is removed afterwards."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.errors import EnvironmentFault

PACKAGES: Final = ("pyod==3.6.7", "scikit-learn==1.9.1")
_SCRIPT: Final = Path(__file__).parent / "peer_models.py"
_INSTALL_S: Final = 600.0
_RUN_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Peers:
    """An environment with the peers, or why there is none."""

    python: Path
    absent: str = ""

    def scores(
        self, files: Sequence[Path], folder: Path, seed: int
    ) -> Mapping[Path, Mapping[str, NDArray[np.float64]]]:
        """Every peer's scores of every file's test rows, by model; one thread.

        Raises:
            EnvironmentFault: the peers failed; says what they said last.
        """
        argv = [str(self.python), "-P", str(_SCRIPT), str(folder), str(seed), *map(str, files)]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = _run(argv, _RUN_S, threads)
        if done:
            raise EnvironmentFault(f"The peers could not be measured: {done}.")
        found = {}
        for file in files:
            with np.load(folder / f"{file.parent.name}-{file.name}", allow_pickle=False) as scores:
                names = [str(name) for name in scores["names"]]
                found[file] = dict(zip(names, scores["scores"], strict=True))
        return found


def install(folder: Path) -> Peers:
    """The peers in `folder`, or why they cannot be had."""
    python = folder / "bin" / "python"
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Peers(python, f"{type(error).__name__}: {error}")
    argv = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return Peers(python, _run([*argv, *PACKAGES], _INSTALL_S, {}))


def _run(argv: Sequence[str], limit_s: float, more: Mapping[str, str]) -> str:
    """Run it; what went wrong, or nothing."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            check=False,
            text=True,
            timeout=limit_s,
            env={**os.environ, **more},
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    said = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else f"exit {done.returncode}")
