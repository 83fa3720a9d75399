"""Shared by the tests of the NVIDIA source: an nvidia-smi of our own, and a source on it."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from boxwatch.sources import LocalShell, NvidiaOptions, NvidiaSource, Pauses

FAKE = Path(__file__).with_name("fake_nvidia_smi.py")


class Smi:
    """A program `nvidia-smi` whose conduct can be changed while it runs."""

    def __init__(self, folder):
        self.folder = folder
        self._settings = {"log": str(folder / "starts")}
        self.program = folder / "nvidia-smi"
        self.program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -S {FAKE} {folder}/settings.json "$@"\n'
        )
        self.program.chmod(0o755)
        self.set()

    def set(self, **settings):
        """Behave so from now on."""
        self._settings.update(settings)
        fresh = self.folder / "fresh"
        fresh.write_text(json.dumps(self._settings))
        fresh.rename(self.folder / "settings.json")

    def starts(self, word):
        """The starts so far with `word` among their arguments."""
        return [s for s in (self.folder / "starts").read_text().splitlines() if word in s]


@pytest.fixture
def smi(tmp_path):
    """An nvidia-smi of our own."""
    return Smi(tmp_path)


@pytest.fixture
def source(smi):
    """Builds a source on it."""

    def build(position=None, shell=None, library=None, **options):
        chosen = {
            "interval_s": 0.05,
            "quiet_intervals": 600,
            "processes_every_s": 0,
            "program": str(smi.program),
            "pauses": Pauses(0.02, 0.1),
            "library": library,
            **options,
        }
        shell = LocalShell() if shell is None else shell
        return NvidiaSource(shell, "box", position, NvidiaOptions(**chosen))

    return build


@pytest.fixture
def watch(until):
    """Run a source through steps of (enough, action) and close it; all chunks."""

    def run(source, *steps):
        async def go():
            chunks = []
            try:
                for enough, action in steps:
                    chunks += await until(source, enough, limit_s=60.0)
                    if action is not None:
                        action()
                return chunks
            finally:
                await source.close()

        return asyncio.run(go())

    return run


@pytest.fixture
def said(rows):
    """The values of one field of one card, in order."""

    def of(chunks, index, name="temperature.gpu"):
        return [row.get(name) for row in rows(chunks, "gpu") if row["index"] == index]

    return of
