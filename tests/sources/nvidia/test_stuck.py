"""An nvidia-smi that does not even die: it is left alone, not started again, and said."""

import pytest

from boxwatch.sources import LocalShell


class Stuck:
    """An nvidia-smi that freezes when it is started, until `thaw`."""

    def __init__(self, frozen, icebox):
        self._frozen = frozen
        self._icebox = icebox
        frozen.touch()

    def thaw(self):
        """Let it die, and freeze no more."""
        self._frozen.unlink()
        self._icebox.thaw()


@pytest.fixture
def stuck(smi, icebox):
    """The nvidia-smi of the source freezes."""
    script = smi.program.read_text().replace("#!/bin/sh\n", "")
    frozen = smi.folder / "frozen"
    smi.program.write_text(f"#!/bin/sh\nif [ -e {frozen} ]; then {icebox.freeze}; fi\n{script}")
    return Stuck(frozen, icebox)


def test_one_that_ignores_being_killed_is_left_alone(stuck, icebox, source, watch, rows):
    """Hung, with one process however often it is tried; once that ends, reading goes on."""
    tried = []

    def again(_):
        tried.append(0)
        return len(tried) > 50

    reader = source(shell=LocalShell(kill_wait_s=0.1), first_row_s=0.5)
    processes = []
    chunks = watch(
        reader,
        (lambda c: rows(c, "status"), None),
        (again, lambda: processes.append(icebox.processes())),
        (lambda _: True, stuck.thaw),
        (lambda c: rows(c, "gpu"), None),
    )
    assert [row["state"] for row in rows(chunks, "status")] == ["hung", "ok"]
    assert len(processes[0]) == 1
