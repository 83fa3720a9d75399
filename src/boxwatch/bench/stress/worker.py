"""The process that carries one load: `python -m boxwatch.bench.stress.worker KIND SECONDS SHARE`.

It reads its standard input for nothing but its end: when the asking process goes away, however,
the load ends. At the end it prints what it did as one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Final

from boxwatch.bench.stress.lease import Lease
from boxwatch.bench.stress.loads import LOADS, Load

GRACE_SECONDS: Final = 10


def main(kind: str, seconds: str, share: str, folder: str) -> None:
    """Carry the load `kind`; the alarm is for a load that is stuck in the kernel."""
    signal.alarm(int(float(seconds)) + GRACE_SECONDS)
    lease = Lease(float(seconds), sys.stdin.fileno(), float(share), Path(folder))
    done = LOADS[Load(kind)](lease)
    with contextlib.suppress(BrokenPipeError):  # whoever asked has gone
        print(json.dumps(done), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
