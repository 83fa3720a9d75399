"""Where records come from, and the commands they are read with."""

from boxwatch.sources.capability import Capability
from boxwatch.sources.check import Probed, Surroundings, check_clock, check_machine, check_room
from boxwatch.sources.docker import DockerSource
from boxwatch.sources.docker_engine import Engine
from boxwatch.sources.docker_options import DockerOptions
from boxwatch.sources.files import FilesOptions, FilesSource
from boxwatch.sources.host import HostOptions, HostSource
from boxwatch.sources.journald import JournaldSource, JournalOptions
from boxwatch.sources.kernel import KernelOptions, KernelSource
from boxwatch.sources.kernel_beside import KernelBeside
from boxwatch.sources.kernel_stream import KernelStream
from boxwatch.sources.login import Login
from boxwatch.sources.nvidia import NvidiaOptions, NvidiaSource
from boxwatch.sources.nvidia_events import Library, NoLibrary, has_library
from boxwatch.sources.outbox import Pauses
from boxwatch.sources.remote_files import RemoteFiles
from boxwatch.sources.shell import LocalShell
from boxwatch.sources.source import Completed, Output, Position, Shell, Source
from boxwatch.sources.told import ToldSource

__all__ = [
    "Capability",
    "Completed",
    "DockerOptions",
    "DockerSource",
    "Engine",
    "FilesOptions",
    "FilesSource",
    "HostOptions",
    "HostSource",
    "JournalOptions",
    "JournaldSource",
    "KernelBeside",
    "KernelOptions",
    "KernelSource",
    "KernelStream",
    "Library",
    "LocalShell",
    "Login",
    "NoLibrary",
    "NvidiaOptions",
    "NvidiaSource",
    "Output",
    "Pauses",
    "Position",
    "Probed",
    "RemoteFiles",
    "Shell",
    "Source",
    "Surroundings",
    "ToldSource",
    "check_clock",
    "check_machine",
    "check_room",
    "has_library",
]
