"""The command line: it prints and routes, nothing else.

Only what `boxwatch --help` needs is imported here; a command's module loads when it is called.
"""

from boxwatch.cli.border import main

__all__ = ["main"]
