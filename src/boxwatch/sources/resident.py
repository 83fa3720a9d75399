"""A small reader that stays on another machine: asked over its line, once every reading."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from boxwatch.errors import SourceError
from boxwatch.sources import resident_script
from boxwatch.sources.frames import Frames
from boxwatch.sources.host_reader import Answer, Request
from boxwatch.sources.outbox import first_line
from boxwatch.sources.patience import stop
from boxwatch.sources.source import Shell

_HINT: Final = "Host metrics of another machine need perl, python3 or awk there."


class ResidentReader:
    """Reads the machine that `shell` reaches; implements `Reader`.

    One process there, begun with the first question and ended with its input: by `close`, when the
    line breaks, or after `quiet_s` without a question. Each question costs one line there and one
    answer back; nothing is started for it.

    Args:
        shell: Reaches the machine.
        root: Where its /proc and /sys are found.
        quiet_s: How long the reader waits for the next question before it ends by itself.
        variants: What it may be written in, the most wanted first.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        root: str = "/",
        quiet_s: int = 300,
        variants: Sequence[str] = resident_script.VARIANTS,
    ) -> None:
        self._shell = shell
        self._argv = resident_script.command(root, quiet_s=quiet_s, variants=variants)
        self._questions: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._number = 0
        self._waiting: asyncio.Future[Answer] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None  # that nobody was told yet

    async def ask(self, request: Request) -> Answer:
        """The answer to `request`; waits for it without limit.

        Raises:
            SourceError: the reader could not be started, or has ended, with what it said last.

        """
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._listening is None:
            self._begin()
        self._number += 1
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting = answer
        words = " & ".join(" ".join(part) for part in (request.items, *request.errands))
        self._questions.put_nowait(f"{self._number} {words}\n".encode())
        try:
            return await answer
        finally:
            self._waiting = None

    async def close(self) -> None:
        """End the reader; the next question starts another."""
        if self._listening is not None:
            self._questions.put_nowait(None)
            await stop([self._listening])
            self._listening = None
        self._failure = None

    def _begin(self) -> None:
        token = f"@{secrets.token_hex(8)}"
        self._questions = asyncio.Queue()
        self._questions.put_nowait(f"{token}\n".encode())
        work = self._listen(Frames(token), _feed(self._questions))
        self._listening = asyncio.create_task(work, name="boxwatch:resident")
        self._listening.add_done_callback(self._ended)

    async def _listen(self, frames: Frames, feed: AsyncGenerator[bytes, None]) -> None:
        said = b""
        stream = self._shell.stream(self._argv, feed)
        async with contextlib.aclosing(stream):
            async for output in stream:
                if output.error:
                    said = output.data
                    continue
                for number, answer in frames.feed(output.data):
                    waiting = self._waiting
                    if number == self._number and waiting is not None and not waiting.done():
                        waiting.set_result(answer)
        last = first_line(said) or first_line(frames.skipped) or "it said nothing"
        state = "absent" if resident_script.NOTHING in last else "failing"
        raise SourceError(f"The reader ended: {last}", hint=_HINT, state=state)

    def _ended(self, listening: asyncio.Task[None]) -> None:
        """Tell who waits for an answer, or will ask next, that none will come."""
        if self._listening is listening:
            self._listening = None
        if listening.cancelled():
            return
        self._failure = listening.exception()
        if self._failure is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(self._failure)
            self._failure = None


async def _feed(questions: asyncio.Queue[bytes | None]) -> AsyncGenerator[bytes, None]:
    while (question := await questions.get()) is not None:
        yield question
