"""What this machine offers to one source: the answer of its `probe()`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """One line of `boxwatch check`.

    `state` is ok, absent, denied, failing or hung; `reason` says what was seen and `hint` what
    to do about it.
    """

    name: str
    state: str
    reason: str = ""
    hint: str = ""
