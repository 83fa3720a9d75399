"""Waiting with a limit: for output that should come, for calls that may never return."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from typing import Generic, TypeVar

from boxwatch.errors import SourceError
from boxwatch.sources.source import Output

Result = TypeVar("Result")


async def patient(
    stream: AsyncGenerator[Output, None], first_s: float, quiet_s: float
) -> AsyncGenerator[Output, None]:
    """`stream`, given up when its first output takes `first_s` or a later one `quiet_s`.

    Raises:
        SourceError: nothing came in time; its state is hung.

    """
    limit = first_s
    async with contextlib.aclosing(stream):
        while True:
            try:
                async with asyncio.timeout(limit):
                    output = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise SourceError(f"No answer for {limit:g} s.", state="hung") from error
            yield output
            limit = quiet_s


class Bystander(Generic[Result]):
    """Calls a function that may never return, on a thread that may be left behind.

    The thread is a daemon: a call stuck inside the kernel keeps neither the loop nor the exit of
    the program waiting, as a pool's thread would. While a call is stuck no other is started.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy = False

    async def call(self, function: Callable[[], Result], limit_s: float) -> Result:
        """What `function` returns or raises.

        Raises:
            SourceError: it did not return within `limit_s`, or an earlier call is still stuck;
                the state is hung.

        """
        if self._busy:
            raise SourceError("An earlier reading has not come back yet.", state="hung")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._busy = True
        self._jobs.put(lambda: self._work(function, loop, answer))
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        try:
            async with asyncio.timeout(limit_s):
                return await answer
        except TimeoutError as error:
            raise SourceError(f"No answer for {limit_s:g} s.", state="hung") from error

    def close(self) -> None:
        """Let the thread end once its call returns."""
        self._jobs.put(None)
        self._thread = None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _work(
        self,
        function: Callable[[], Result],
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[Result],
    ) -> None:
        try:
            result = function()
        except (OSError, ValueError) as error:
            self._report(loop, answer, error)
        else:
            self._report(loop, answer, result)

    def _report(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[Result],
        outcome: Result | Exception,
    ) -> None:
        def settle() -> None:
            self._busy = False
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)


async def stop(tasks: Iterable[asyncio.Task[None]], limit_s: float = 1.8) -> None:
    """Cancel `tasks` and wait for their ends, at most `limit_s`."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=limit_s)


def begin(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    """`work` as a task named after its source, so that a dump of tasks reads well."""
    return asyncio.get_running_loop().create_task(work, name=f"boxwatch:{name}")
