"""Writes numbered lines to a journal until told to stop; prints how many it wrote.

Run as a program inside a small host: `python -m boxwatch.bench.chaos.journal_writer RATE`. A line
is sent once and counts when the socket has taken it.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import Final

SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "boxwatch-chaos"
_TICK_S: Final = 0.02
_REFUSED: Final = 0.05


def entry(number: int) -> bytes:
    """Line `number` in the native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/)."""
    # Times of day and odd words, as programs write them.
    return (
        f"MESSAGE=journal {number:09d} request took {number * 7919 % 977} ms\n"
        f"PRIORITY={3 + number % 5}\nSYSLOG_IDENTIFIER={IDENTIFIER}\n"
    ).encode()


def main() -> None:
    """Write at the rate of the first argument until standard input ends."""
    rate = float(sys.argv[1])
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    began, number = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], _TICK_S)[0]:
        due = int((time.monotonic() - began) * rate)
        while number < due:
            send(sender, entry(number))
            number += 1
    sys.stdout.write(f"{number}\n")


def send(sender: socket.socket, data: bytes) -> None:
    """Send once; while nobody listens, try again."""
    while True:
        try:
            sender.sendto(data, SOCKET)
        except (ConnectionRefusedError, FileNotFoundError):  # journald is being started
            time.sleep(_REFUSED)
        else:
            return


if __name__ == "__main__":
    main()
