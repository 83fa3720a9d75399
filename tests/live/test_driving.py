"""Writing what was taken: aside of the loop, again where there was no room, never half."""

import asyncio
import threading

import pytest

from boxwatch.errors import StoreFull
from boxwatch.live import once_there_is_room

LIMIT_S = 60.0


class Disk:
    """Writes once it is let, and refuses so many times before."""

    def __init__(self, refusals=0):
        self.may = threading.Event()
        self.refusals = refusals
        self.written = 0

    def write(self):
        assert self.may.wait(LIMIT_S)
        if self.refusals:
            self.refusals -= 1
            raise StoreFull("No room.")
        self.written += 1
        return self.written


@pytest.fixture
def disk():
    """A disk that takes its time."""
    return Disk()


def test_the_loop_goes_on_while_it_is_written(disk):
    """What the loop does meanwhile is what lets the disk write."""

    async def both():
        writing = asyncio.ensure_future(
            once_there_is_room(disk.write, asyncio.Event(), 0.01, aside=True)
        )
        await asyncio.sleep(0)
        disk.may.set()
        return await writing

    assert asyncio.run(both()) == 1


def test_what_is_cancelled_is_written_to_its_end_first(disk):
    """Whoever closes the store after a cancellation must not close it under a write."""

    async def cancelled():
        writing = asyncio.ensure_future(
            once_there_is_room(disk.write, asyncio.Event(), 0.01, aside=True)
        )
        await asyncio.sleep(0.05)
        writing.cancel()
        await asyncio.sleep(0.05)
        assert not writing.done()
        disk.may.set()
        await asyncio.wait([writing])
        return writing.cancelled()

    assert asyncio.run(cancelled())
    assert disk.written == 1


@pytest.mark.parametrize("aside", [False, True])
def test_a_full_disk_is_tried_again(disk, aside):
    """Until there is room, or until the stop."""
    disk.may.set()
    disk.refusals = 2
    stop = asyncio.Event()
    assert asyncio.run(once_there_is_room(disk.write, stop, 0.01, aside=aside)) == 1
    disk.refusals = 2
    stop.set()
    assert asyncio.run(once_there_is_room(disk.write, stop, 0.01, aside=aside)) is None
