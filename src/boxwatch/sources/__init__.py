"""Where records come from, and the commands they are read with."""

from boxwatch.sources.capability import Capability
from boxwatch.sources.shell import LocalShell
from boxwatch.sources.source import Completed, Output, Position, Shell, Source

__all__ = ["Capability", "Completed", "LocalShell", "Output", "Position", "Shell", "Source"]
