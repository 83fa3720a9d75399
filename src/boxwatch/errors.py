"""Every error Boxwatch raises on purpose, as one tree.

    BoxwatchError
    ├── UsageError            the person asked for something that cannot be (exit 2)
    │   ├── SettingError      a setting is unknown, has the wrong unit or the wrong value
    │   └── SchemaError       a table lacks a column or has it in the wrong type
    ├── EnvironmentFault      the machine cannot do what was asked (exit 3)
    │   ├── StoreError        the data folder cannot be read or written
    │   │   ├── StoreTooNew   written by a newer Boxwatch
    │   │   ├── StoreLocked   another process is writing
    │   │   ├── StoreDamaged  a file fails its check
    │   │   └── StoreFull     no room left on the device
    │   └── SourceError       a source's tool is missing, refused or hung
    ├── ModelError            a model cannot be fitted, saved or loaded
    │   └── ConformanceError  a detector breaks a promise of its protocol
    └── Defect                a mistake in Boxwatch itself (exit 70)

A message says what is wrong, the value, what is allowed and what to do next. `code` never changes
once released: people search for it.
"""

from __future__ import annotations

from typing import ClassVar


class BoxwatchError(Exception):
    """An error with a stable code, an exit status and a next step for the person who reads it."""

    code: ClassVar[str] = "BW000"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(BoxwatchError):
    """What the person asked for cannot be done as asked."""

    code = "BW100"
    exit_status = 2


class SettingError(UsageError):
    """A setting is unknown, has the wrong unit or a value that is not allowed."""

    code = "BW101"


class SchemaError(UsageError):
    """A table lacks a declared column or carries it in another type."""

    code = "BW102"


class EnvironmentFault(BoxwatchError):
    """The machine cannot do what was asked."""

    code = "BW200"
    exit_status = 3


class StoreError(EnvironmentFault):
    """The data folder cannot be read or written."""

    code = "BW210"


class StoreTooNew(StoreError):
    """The data folder was written by a newer version of Boxwatch."""

    code = "BW211"


class StoreLocked(StoreError):
    """Another process is writing this data folder."""

    code = "BW212"


class StoreDamaged(StoreError):
    """A file of the data folder fails its check."""

    code = "BW213"


class StoreFull(StoreError):
    """The device has no room left."""

    code = "BW214"


class SourceError(EnvironmentFault):
    """A source's tool is missing, refused or hung.

    `state` says which, in the words of the raw kind `status`: absent, denied, failing or hung.
    """

    code = "BW220"

    def __init__(self, message: str, *, hint: str = "", state: str = "failing") -> None:
        super().__init__(message, hint=hint)
        self.state = state


class ModelError(BoxwatchError):
    """A model cannot be fitted, saved or loaded."""

    code = "BW300"


class ConformanceError(ModelError):
    """A detector breaks a promise of its protocol; only the conformance checks raise it."""

    code = "BW301"


class Defect(BoxwatchError):
    """A mistake in Boxwatch itself, caught at the outermost border."""

    code = "BW900"
    exit_status = 70  # EX_SOFTWARE of sysexits.h
