"""The visible table of parts: every source that the settings can switch on, and its class."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from boxwatch.sources import (
    DockerSource,
    FilesSource,
    HostSource,
    JournaldSource,
    KernelSource,
    NvidiaSource,
    Source,
)

SOURCES: Final[Mapping[str, type[Source]]] = MappingProxyType(
    {
        "journald": JournaldSource,
        "docker": DockerSource,
        "nvidia": NvidiaSource,
        "host": HostSource,
        "kernel": KernelSource,
        "files": FilesSource,
    }
)
