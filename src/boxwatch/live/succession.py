"""Whether other models are to judge: looked for between two turns, loaded beside the loop.

A look costs one stat(2). Models are read and their hashes checked in a thread, so that no turn
waits for them; what cannot be used is told once for each reason and tried again now and then, and
the models that judged before go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from boxwatch.clock import monotonic
from boxwatch.detections import ViewModel
from boxwatch.errors import BoxwatchError

_RETRY_S: Final = 10.0  # pause before models that could not be used are read again


@dataclass(frozen=True, slots=True)
class Version:
    """One version's models, by view; `number` is null where nobody can tell which version it is."""

    number: int | None
    models: Mapping[str, ViewModel]

    @property
    def name(self) -> str:
        """As people call it."""
        return "a version of unknown number" if self.number is None else f"v{self.number}"

    @property
    def given(self) -> dict[str, str]:
        """By view, what tells the model from any other."""
        return {name: model.version for name, model in self.models.items()}


class Succession:
    """Which version is named for one role, such as champion.

    Args:
        stamp: Changes whenever another version may have been named; cheap.
        load: Reads the version that is named now; None = none is. Runs in a thread.
        refused: Hears why a version cannot be used.
        retry_s: See `_RETRY_S`.
    """

    def __init__(
        self,
        stamp: Callable[[], object],
        load: Callable[[], Version | None],
        refused: Callable[[str], None],
        retry_s: float = _RETRY_S,
    ) -> None:
        self._stamp = stamp
        self._load = load
        self._refused = refused
        self._retry_s = retry_s
        self._known: object = None  # the stamp of what was loaded last
        self._told = ""
        self._again = 0.0
        self._thread: threading.Thread | None = None
        self._found: tuple[Version | None, str] | None = None

    def first(self) -> Version | None:
        """The version that is named now; loads it here.

        Raises:
            BoxwatchError: it cannot be used.
        """
        self._known = self._stamp()
        return self._load()

    def first_if_sound(self) -> Version | None:
        """The same; None where it cannot be used, which is told and tried again."""
        try:
            return self.first()
        except BoxwatchError as error:
            self._fail(str(error))
            return None

    def look(self) -> tuple[Version | None] | None:
        """The version to take up now, None in it where the role is free; None = no news."""
        if self._thread is not None:
            return self._taken()
        stamp = self._stamp()
        if stamp != self._known and monotonic() >= self._again:
            self._known = stamp
            self._thread = threading.Thread(target=self._read, name="succession", daemon=True)
            self._thread.start()
        return None

    def _read(self) -> None:
        try:
            self._found = (self._load(), "")
        except Exception as error:  # noqa: BLE001 - the loop's border: watching goes on
            self._found = (None, str(error) or repr(error))

    def _taken(self) -> tuple[Version | None] | None:
        if self._thread is None or self._thread.is_alive() or self._found is None:
            return None
        self._thread = None
        (version, error), self._found = self._found, None
        if error:
            self._fail(error)
            return None
        self._told = ""
        return (version,)

    def _fail(self, error: str) -> None:
        """Say it where it is news, and read again after a pause."""
        self._known, self._again = None, monotonic() + self._retry_s
        if error != self._told:
            self._refused(error)
        self._told = error
