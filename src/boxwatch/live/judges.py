"""Who judges: the champion, and beside it the challenger; others are taken up between two turns."""

from __future__ import annotations

from boxwatch import pulse
from boxwatch.clock import monotonic
from boxwatch.live.pipeline import Pipeline
from boxwatch.live.succession import Succession, Version


class Judges:
    """The versions that one pipeline judges by.

    Args:
        pipeline: Judges.
        champions: Who is champion; None = the pipeline's own models, for good.
        challengers: Who scores beside it; None = nobody.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        champions: Succession | None = None,
        challengers: Succession | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._champions = champions
        self._challengers = challengers
        self._champion: Version | None = None

    @property
    def champion(self) -> str | None:
        """The version that was taken up last; None = none, or not known yet."""
        return None if self._champion is None else self._champion.name

    def begin(self, *, anew: bool) -> None:
        """Before what is stored is judged again: `anew` from its beginning, by the champion.

        Raises:
            BoxwatchError: `anew`, and the champion cannot be used: there is no last good one.
        """
        if anew and self._champions is not None:
            version = self._champions.first()
            self._take_up(version)
            self._champion = version
        if self._challengers is not None:
            self._put_beside(self._challengers.first_if_sound())

    def go_on(self) -> bool:
        """After it was: by the champion of the present; whether that is another one."""
        if self._champion is not None or self._champions is None:
            return False
        version = self._champions.first_if_sound()
        taken = version is not None and self._take_up(version)
        self._champion = version
        return taken

    def succeed(self) -> bool:
        """Take up who was named and loaded since; whether another champion was."""
        if self._challengers is not None and (named := self._challengers.look()) is not None:
            self._put_beside(named[0])
        if self._champions is None or (named := self._champions.look()) is None:
            return False
        taken = self._take_up(named[0])
        self._champion = named[0]
        return taken

    def told(self) -> str | None:
        """The version that judged this turn; None where the watcher learned for itself."""
        version = self._champion if self._pipeline.judges_as_trained else None
        pulse.emit(pulse.ChampionJudged(None if version is None else version.number))
        return None if version is None else version.name

    def _take_up(self, version: Version | None) -> bool:
        """Judge by `version` from the next turn on; whether another one judged until now."""
        given = {} if version is None else version.given
        if given == self._pipeline.trained:
            return False
        began, before = monotonic(), self.champion
        self._pipeline.take_up({} if version is None else version.models)
        name = "what it learns itself" if version is None else version.name
        pulse.emit(pulse.ChampionTaken(name, before, monotonic() - began))
        return True

    def _put_beside(self, version: Version | None) -> None:
        if version is None:
            self._pipeline.put_beside(None, {})
        else:
            self._pipeline.put_beside(version.number, version.models)
