"""Settings of how log lines are understood."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from boxwatch.errors import SettingError
from boxwatch.events.masks import Mask, check_mask
from boxwatch.settings.tree import Allowed, Section


def _masks(value: dict[str, str]) -> dict[str, str]:
    for name, pattern in value.items():
        try:
            check_mask(Mask(name, pattern))
        except SettingError as error:
            raise ValueError(str(error)) from None
    return value


class Logs(Section):
    """How log lines are understood."""

    masks: Annotated[
        dict[str, str],
        AfterValidator(_masks),
        Allowed(
            "",
            "a table: name -> regular expression, without look-around and capturing groups, that "
            "does not match the empty text",
        ),
    ] = Field(
        default_factory=dict,
        description="What varies in your own logs, beside numbers, ids, paths, times and the like; "
        "each is tried before those. Other masks give the lines they touch other template ids.",
    )

    def own_masks(self) -> tuple[Mask, ...]:
        """The masks, in the order in which they are tried."""
        return tuple(Mask(name, pattern) for name, pattern in self.masks.items())
