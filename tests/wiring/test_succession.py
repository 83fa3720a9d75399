"""`boxwatch up`, as a process: it takes up champions, refuses damaged ones, survives kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.wiring.command import well
from tests.wiring.test_model_life import cut, made, windows

from boxwatch.store import Decision, Layout, Ledger

PATIENCE_S = 120
HOST_ALONE = {
    f"BOXWATCH_SOURCES__{name}__ENABLED": "false"
    for name in ("JOURNALD", "DOCKER", "NVIDIA", "KERNEL", "FILES")
}


class Watcher:
    """A watcher of this machine's metrics; what it says on standard error is kept in a file."""

    def __init__(self, data: Path) -> None:
        self._said = data.parent / "said"
        with self._said.open("w") as err:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "boxwatch", "up", "--data", str(data)],
                env={**os.environ, **HOST_ALONE, "BOXWATCH_LIVE__BATCH_SECONDS": "1s"},
                stdout=subprocess.DEVNULL, stderr=err,
            )  # fmt: skip

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it has said so."""
        end = time.monotonic() + PATIENCE_S
        while self._said.read_text().count(text) < times:
            assert self.child.poll() is None, self._said.read_text()
            assert time.monotonic() < end, self._said.read_text()
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> int:
        """End it; its exit status."""
        self.child.send_signal(how)
        return self.child.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with v1 in use and v2 trained."""
    folder = made(tmp_path_factory.mktemp("two") / "data")
    well("train", "--data", folder)
    cut(folder, windows(2))
    well("train", "--data", folder)
    return folder


@pytest.fixture
def watcher(two: Path) -> Iterator[Watcher]:
    """A watcher that v1 judges for; killed at the end."""
    if champion(two) != 1:
        name(two, 1)
    one = Watcher(two)
    yield one
    one.end(signal.SIGKILL)


def champion(data: Path) -> int | None:
    """The number of the version in use."""
    ledger = Ledger.open(Layout(data).models, "detectors", writable=False)
    try:
        return ledger.holder("champion")
    finally:
        ledger.close()


def name(data: Path, version: int) -> None:
    """Make it champion, as another process does once the gates let it through."""
    ledger = Ledger.open(Layout(data).models, "detectors", writable=True)
    assert ledger.give("champion", version, ledger.holder("champion"), Decision("ann", "a test"))
    ledger.close()


def test_a_promotion_and_a_way_back_are_taken_up_while_it_watches(two: Path, watcher: Watcher):
    """Another process promotes, and rolls back; no restart, and it stops as ever."""
    watcher.says("v1 of the models judges")
    name(two, 2)
    watcher.says("v2 of the models judges")
    well("models", "rollback", "--data", two)
    watcher.says("v1 of the models judges", times=2)
    assert watcher.end(signal.SIGTERM) == 0


def test_killed_after_the_switch_it_goes_on_by_the_new_version(two: Path, watcher: Watcher):
    """Kill -9 at once after it was taken up: the next start judges by the same."""
    watcher.says("v1 of the models judges")
    name(two, 2)
    watcher.says("v2 of the models judges")
    watcher.end(signal.SIGKILL)
    again = Watcher(two)
    again.says("v2 of the models judges")
    assert again.end(signal.SIGTERM) == 0


def test_a_damaged_champion_is_told_and_the_last_one_goes_on(two: Path, watcher: Watcher):
    """Half a file of v2 is refused, loudly; once it is whole again, it is taken up."""
    watcher.says("v1 of the models judges")
    ledger = Ledger.open(Layout(two).models, "detectors", writable=False)
    path = Layout(two).models / ledger.version(2).parts["host"] / "0000.npy"
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    name(two, 2)
    watcher.says("champion refused")
    path.write_bytes(whole)
    watcher.says("v2 of the models judges")


def test_a_watcher_loads_nothing_of_learning():
    """No room of training, no MLflow, no search, no torch: watching takes up versions without."""
    script = (
        "import sys, boxwatch.cli.up, boxwatch.wiring.watching\n"
        "heavy = {'mlflow', 'optuna', 'torch', 'sklearn'}\n"
        "print([one for one in sys.modules if one.split('.')[0] in heavy"
        " or one.startswith('boxwatch.lifecycle')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
