"""The driver's own library, NVML: what nvidia-smi cannot be asked for.

Xid errors as they happen (nvmlEventSetWait_v2) and the PCIe replay counter
(https://docs.nvidia.com/deploy/nvml-api/). Only this module needs nvidia-ml-py; it is loaded where
the library is. All calls go through one thread that may be left behind: a call into a driver that
hangs never comes back.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any, Final

import pynvml  # type: ignore[import-untyped]

from boxwatch.errors import SourceError
from boxwatch.sources.nvidia_events import DriverNews, Xid
from boxwatch.sources.patience import Bystander

_WAIT_MS: Final = 1000
_LIMIT_S: Final = 30.0  # a driver that is not kept loaded takes seconds to start
_COUNT_EVERY_S: Final = 5.0
_MOST_XIDS: Final = 1000  # taken at once


class NvmlLibrary:
    """The NVIDIA cards of this machine through NVML; implements `Library`."""

    def __init__(self) -> None:
        self._bystander: Bystander[DriverNews] = Bystander("boxwatch-nvml")
        self._devices: dict[str, Any] = {}  # uuid -> handle
        self._uuids: dict[int | None, str] = {}  # address of a handle -> uuid
        self._events: Any = None  # the set that is waited on; None where no card offers any
        self._ready = False
        self._replays: dict[str, str] = {}
        self._counted_at = float("-inf")

    async def news(self) -> DriverNews:
        """Errors since the last call, waited for a second, and the counters.

        Raises:
            SourceError: NVML does not work here (absent or failing) or does not return (hung).

        """
        try:
            return await self._bystander.call(self._read, _LIMIT_S)
        except OSError as error:
            self._ready = False
            raise SourceError(f"NVML: {error}.") from error

    def close(self) -> None:
        """Let the thread end once its call returns."""
        self._bystander.close()

    def _read(self) -> DriverNews:
        try:
            if not self._ready:
                self._begin()
            xids = self._wait()
            self._count()
        except pynvml.NVMLError as error:
            raise OSError(str(error)) from error
        return DriverNews(dict(self._replays), xids)

    def _begin(self) -> None:
        """Find the cards, and ask to be told of their errors where they offer it."""
        pynvml.nvmlInit()
        self._devices, self._uuids = {}, {}
        events = pynvml.nvmlEventSetCreate()
        told = False
        for index in range(pynvml.nvmlDeviceGetCount()):
            try:
                device = pynvml.nvmlDeviceGetHandleByIndex(index)
                uuid = pynvml.nvmlDeviceGetUUID(device)
            except pynvml.NVMLError:
                continue  # a card that is lost; nvidia-smi says so
            self._devices[uuid], self._uuids[_address(device)] = device, uuid
            told = self._register(device, events) or told
        self._events = events if told else None
        self._ready = True

    def _register(self, device: object, events: object) -> bool:
        try:
            pynvml.nvmlDeviceRegisterEvents(device, pynvml.nvmlEventTypeXidCriticalError, events)
        except pynvml.NVMLError:
            return False  # not offered by this card
        return True

    def _wait(self) -> list[Xid]:
        if self._events is None:
            time.sleep(_WAIT_MS / 1000)
            return []
        found: list[Xid] = []
        wait_ms = _WAIT_MS
        while len(found) < _MOST_XIDS:
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, wait_ms)
            except pynvml.NVMLError_Timeout:
                break
            wait_ms = 0  # only what is there already
            uuid = self._uuids.get(_address(event.device))
            if uuid is not None and event.eventType == pynvml.nvmlEventTypeXidCriticalError:
                found.append(Xid(uuid, int(event.eventData)))
        return found

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._counted_at < _COUNT_EVERY_S:
            return
        self._counted_at = now
        for uuid, device in self._devices.items():
            try:
                self._replays[uuid] = str(pynvml.nvmlDeviceGetPcieReplayCounter(device))
            except pynvml.NVMLError as error:
                self._replays[uuid] = f"[{error}]"


def _address(device: object) -> int | None:
    return ctypes.cast(device, ctypes.c_void_p).value  # type: ignore[arg-type]
