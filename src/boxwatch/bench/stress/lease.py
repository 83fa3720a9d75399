"""How much a load may do, where, and until when: its time is up, or whoever asked is gone."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path


class Lease:
    """The right of a worker to put load on the machine.

    It ends `seconds` after it began, or as soon as the other end of the pipe `fd` is closed: the
    kernel closes it even when the asking process is killed. `share` is the part of the most that
    the load may be; `folder` is where it may write.
    """

    def __init__(self, seconds: float, fd: int, share: float, folder: Path) -> None:
        self.share = share
        self.folder = folder
        self._end = time.monotonic() + seconds
        self._fd = fd
        self._revoked = False

    def holds(self) -> bool:
        """True while the load may go on; costs some microseconds."""
        return self.rest(0.0) > 0

    def rest(self, pause_s: float) -> float:
        """Wait up to `pause_s`, less if the lease ends; returns the seconds that are left."""
        left = self._end - time.monotonic()
        if left <= 0 or self._revoked:
            return 0.0
        ready, _, _ = select.select([self._fd], [], [], min(pause_s, left))
        if ready and not os.read(self._fd, 1):
            self._revoked = True
            return 0.0
        return max(0.0, self._end - time.monotonic())
