"""How the memory of tables is kept between one batch and the next.

Polars gives memory back to the system within milliseconds, to take it anew for the next batch: 3 %
of the time of `normalize`, 15 % of catching up with a journal. For some seconds it is kept
(jemalloc(3), opt.dirty_decay_ms). Polars reads this once, when it is imported.
"""

from __future__ import annotations

import os
from typing import Final

NAME: Final = "_RJEM_MALLOC_CONF"
VALUE: Final = "dirty_decay_ms:5000,muzzy_decay_ms:5000"


def keep_freed_memory() -> None:
    """Have it kept in this process and its children; what the user chose stays."""
    os.environ.setdefault(NAME, VALUE)
