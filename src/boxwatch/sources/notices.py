"""What a source has to tell besides its records: losses, restarts, clocks that jumped.

Raw kind `notice`. The same finding, made again after a restart of ours, gives the same event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from boxwatch import pulse
from boxwatch.events.notices import CLOCK_JUMP, GAP, RESTART
from boxwatch.sources.outbox import Parcel, stamp

INFO: Final = 9  # OpenTelemetry severity numbers
WARN: Final = 13
ERROR: Final = 17


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that were there and can no longer be read.

    Between `since` and `until`: the last record read and the next one left. `entries` is how many
    were lost, None if nobody can tell whether any were; `why` completes "Records are lost: ...".
    """

    since: datetime
    until: datetime
    entries: int | None
    why: str

    @property
    def seconds(self) -> float:
        """Its length; 0 where the clock of the records was set back."""
        return max(0.0, (self.until - self.since).total_seconds())


@dataclass(frozen=True, slots=True)
class Restart:
    """A system that began anew.

    `boot` and `previous` are boot ids, `first` is the first record of the new one and `last` the
    last of the old. `shut_down` is True if it was told to stop, None if that is not known.
    """

    boot: str
    previous: str
    first: datetime
    last: datetime
    shut_down: bool | None


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A wall clock that moved against the monotonic one: from `before` to `after` at once."""

    before: datetime  # what it would have shown
    after: datetime  # what it shows

    @property
    def seconds(self) -> float:
        """By how much; negative where it was set back."""
        return (self.after - self.before).total_seconds()

    def in_words(self, host: str) -> str:
        """What happened, and what follows from it."""
        order = "what is logged now carries times that were there before"
        if self.seconds > 0:
            order = "or the machine was suspended for so long"
        return f"The clock of {host} jumped by {self.seconds:+,.1f} s; {order}."


def gap_notice(host: str, source: str, gap: Gap, hint: str = "") -> Parcel:
    """`gap` as a parcel, and counted. `source` is one of `events.schema.SOURCES`."""
    between = f"between {stamp(gap.since)} and {stamp(gap.until)} ({gap.seconds:.1f} s)"
    many = "Records" if gap.entries is None else f"{gap.entries:,} records"
    lost = "may be lost" if gap.entries is None else "are lost"
    message = f"Gap: {many} {between} {lost}: {gap.why}."
    details = {
        "from": stamp(gap.since),
        "to": stamp(gap.until),
        "seconds": gap.seconds,
        "entries": gap.entries,
        "reason": gap.why,
    }
    pulse.emit(pulse.GapFound(host=host, source=source, seconds=gap.seconds, entries=gap.entries))
    # A gap without a length has no place either; then it is what is said of it.
    identity = f"{stamp(gap.since)} {stamp(gap.until)}" if gap.seconds else gap.why
    head = {"host": host, "time": stamp(gap.until), "source": source, "notice": GAP}
    told = {"severity": WARN, "message": f"{message} {hint}".rstrip(), "details": details}
    return _parcel(head | told | {"identity": identity})


def restart_notice(host: str, source: str, restart: Restart) -> Parcel:
    """`restart` as a parcel, and counted."""
    how, severity = {
        True: ("after a shutdown", INFO),
        None: ("and nothing tells how it went down", WARN),
        False: ("without a shutdown", ERROR),
    }[restart.shut_down]
    silent = (restart.first - restart.last).total_seconds()
    away = f"{silent:.1f} s without records" if silent >= 0 else "its clock was set back"
    message = f"System restart {how}: {away}; boot {restart.boot} follows {restart.previous}."
    details = {
        "boot_id": restart.boot,
        "previous_boot_id": restart.previous,
        "last_record": stamp(restart.last),
        "silent_seconds": silent,
        "shut_down": restart.shut_down,
    }
    pulse.emit(pulse.SystemRestarted(host=host, shut_down=restart.shut_down))
    head = {"host": host, "time": stamp(restart.first), "source": source, "notice": RESTART}
    told = {"severity": severity, "message": message, "details": details}
    return _parcel(head | told | {"identity": restart.boot})


def clock_notice(host: str, jump: ClockJump) -> Parcel:
    """`jump` as a parcel, at the time that the clock shows since."""
    details = {
        "from": stamp(jump.before),
        "to": stamp(jump.after),
        "seconds": round(jump.seconds, 3),
    }
    head = {"host": host, "time": stamp(jump.after), "source": "host", "notice": CLOCK_JUMP}
    told = {"severity": WARN, "message": jump.in_words(host), "details": details}
    return _parcel(head | told | {"identity": f"{stamp(jump.before)} {stamp(jump.after)}"})


def _parcel(record: Mapping[str, object]) -> Parcel:
    return Parcel("notice", orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
