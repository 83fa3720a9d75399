from .capability import Capability
from .check import Probed, Surroundings, check_clock, check_machine, check_room
from .docker import DockerSource
from .docker_engine import Engine
from .docker_options import DockerOptions
from .files import FilesOptions, FilesSource
from .host import HostOptions, HostSource
from .journald import JournaldSource, JournalOptions
from .kernel import KernelOptions, KernelSource
from .kernel_beside import KernelBeside
from .kernel_stream import KernelStream
from .login import Login
from .nvidia import NvidiaOptions, NvidiaSource
from .nvidia_events import Library, NoLibrary, has_library
from .outbox import Pauses
from .remote_files import RemoteFiles
from .shell import LocalShell
from .source import Completed, Output, Position, Shell, Source
from .told import ToldSource

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
