"""The peers: other people's template miners, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from boxwatch.bench.footprint import cores, run
from boxwatch.bench.logs.mining import FIVE

PEERS: Final = {"drain3": "0.9.11", "tipping": "0.2.1"}
MASKS: Final = tuple(mask.pattern for mask in FIVE)

_HERE: Final = Path(__file__).parent
_INSTALL_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a peer did with some lines; `told` is null where it gives no template a line."""

    per_s: float
    per_cpu_s: float
    clusters: int
    groups: pl.Series
    told: pl.Series | None


@dataclass(frozen=True, slots=True)
class Peer:
    """An installed peer, or why it is absent."""

    name: str
    python: Path
    absent: str = ""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {PEERS[self.name]}"

    def run(self, messages: pl.Series, folder: Path, masks: Sequence[str] = MASKS) -> PeerRun:
        """Group `messages` on one core.

        Raises:
            EnvironmentFault: it failed, or took longer than ten minutes.

        """
        file, out = folder / "lines.json", folder / "told.json"
        file.write_text(json.dumps(messages.to_list()), encoding="utf-8")
        script = str(_HERE / f"peer_{self.name}.py")
        with cores(1):
            argv = (str(self.python), "-P", script, str(file), str(out), *masks)
            wall, cpu, lines, clusters = json.loads(run(argv, folder, threads=1).output)
        groups, told = json.loads(out.read_text(encoding="utf-8"))
        file.unlink()
        out.unlink()
        return PeerRun(
            per_s=lines / wall,
            per_cpu_s=lines / cpu,
            clusters=clusters,
            groups=pl.Series("group", groups),
            told=None if told is None else pl.Series("told", told, dtype=pl.String),
        )


def install(folder: Path) -> list[Peer]:
    """Every peer in an environment of its own below `folder`; what cannot be had says why."""
    return [_install(name, folder / name) for name in PEERS]


def _install(name: str, folder: Path) -> Peer:
    python = folder / "bin" / "python"
    argv = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        venv.create(folder, with_pip=True, symlinks=True)
        done = subprocess.run(
            [*argv, f"{name}=={PEERS[name]}"],
            capture_output=True,
            check=False,
            text=True,
            timeout=_INSTALL_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Peer(name, python, f"{type(error).__name__}: {error}")
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    if done.returncode != 0:
        return Peer(name, python, said[-1] if said else f"pip ended with {done.returncode}")
    return Peer(name, python)


def mine(folder: Path, *arguments: str) -> dict[str, float]:
    """What our own miner did, in a process of its own on one core; see `mining`."""
    argv = (sys.executable, "-m", "boxwatch.bench.logs.mining", *arguments)
    with cores(1):
        result: dict[str, float] = json.loads(run(argv, folder, threads=1).output)
    return result
