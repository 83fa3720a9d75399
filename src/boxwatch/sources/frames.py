"""The answers of the resident reader, found in what comes over the line.

A login shell may print before the reader does (a greeting, the output of a start-up file), and a
terminal in between may end lines in CR LF. What is no answer is skipped, and no answer is taken
that is not whole.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from boxwatch.clock import from_micros
from boxwatch.sources.host_reader import Answer

LIMIT: Final = 16 << 20  # bytes; a reading of a large machine has 100 kB
_CLOCKS: Final = re.compile(rb"(\d{1,12})(?:\.(\d{1,6})\d*)? (\d{1,12}(?:\.\d*)?)")


class Frames:
    """Cuts whole lines into answers. `token` begins every line of the reader's own."""

    def __init__(self, token: str, limit: int = LIMIT) -> None:
        self._mark = token.encode()
        self._limit = limit
        self._held = bytearray()
        self.skipped = b""  # the last lines that were no part of an answer, for a reason

    def feed(self, lines: bytes) -> list[tuple[int, Answer]]:
        """The answers that `lines` completes, each with the number it answers."""
        self._held += lines
        if self._mark + b" > " not in lines:
            if len(self._held) > self._limit:
                self._skip(bytes(self._held))
                self._held.clear()
            return []
        text = bytes(self._held).replace(b"\r\n", b"\n")
        *whole, rest = re.split(rb"^%s > (\d{1,18})\n" % re.escape(self._mark), text, flags=re.M)
        self._held = bytearray(rest)
        answers = []
        for body, number in zip(whole[::2], whole[1::2], strict=True):
            answer = self._answer(body, number)
            if answer is not None:
                answers.append((int(number), answer))
        return answers

    def _answer(self, body: bytes, number: bytes) -> Answer | None:
        """The last reading that begins in `body`, if it is the one with this number."""
        before, begin, rest = _after(body, self._mark + b" < " + number + b" ")
        self._skip(before)
        head, _, rest = rest.partition(b"\n")
        clocks = _CLOCKS.fullmatch(head)
        if not begin or clocks is None:
            return None
        answer = Answer(_instant(clocks[1], clocks[2] or b""), float(clocks[3]))
        for part in (b"\n" + rest).split(b"\n" + self._mark + b" ")[1:]:
            heading, _, text = part.partition(b"\n")
            kind, _, name = heading.decode("utf-8", "backslashreplace").partition(" ")
            if kind == "=":
                answer.found[name] = text.decode("utf-8", "backslashreplace").strip("\n")
            elif kind == "~":
                name, _, reason = name.partition(" ")
                answer.missing[name] = reason if reason else "it cannot be read"
        return answer

    def _skip(self, lines: bytes) -> None:
        if said := lines.strip():
            self.skipped = said[-300:]


def _after(text: bytes, mark: bytes) -> tuple[bytes, bytes, bytes]:
    """`text` cut at the last line that begins with `mark`."""
    if text.startswith(mark) and (b"\n" + mark) not in text:
        return b"", mark, text[len(mark) :]
    return text.rpartition(b"\n" + mark)


def _instant(seconds: bytes, fraction: bytes) -> datetime:
    micros = int(seconds) * 1_000_000 + int(fraction.ljust(6, b"0"))
    return from_micros(min(micros, 7_258_118_400_000_000))  # the year 2200: beyond, no clock goes
