"""What the members of a view see of some windows: standardised, directed, or in their context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boxwatch.detections.past import Stretches
from boxwatch.detections.plans import Member
from boxwatch.errors import ModelError
from boxwatch.features import Direction, View
from boxwatch.models import (
    SCALES,
    SPAN,
    Baseline,
    Matrix,
    Ranges,
    Reach,
    in_context,
    run_in_context,
    watched,
)

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_BLOCK: Final = 512  # windows in context at a time: the stretches stay near the core
_DENSE: Final = 4  # rows a window, up to which putting all of them in context is faster


@dataclass(frozen=True, slots=True)
class Course:
    """Standardised windows among those before them; `z` are the rows of `stretches`."""

    z: Matrix
    stretches: Stretches

    def context(self, which: NDArray[np.integer], most: NDArray[np.int64] | None) -> Matrix:
        """The windows `which`, each with those before it, `most` of them."""
        at = self.stretches.at[which]
        first, last = int(at.min()), int(at.max())
        if most is not None or first < SPAN - 1 or last - first >= _DENSE * len(which):
            return in_context(self.z[self.stretches.places(which, most)])
        found: Matrix = run_in_context(self.z[first - SPAN + 1 : last + 1])
        found = np.asarray(found[at - first])
        short = np.flatnonzero(self.stretches.known[which] < SPAN - 1)
        if len(short) > 0:
            found[short] = in_context(self.z[self.stretches.places(which[short])])
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """Standardised windows (windows, features) of entities with these numbers.

    `near` are the excursions that may be a finding, over each entity's reach; `course` is None
    where no member needs it.
    """

    z: Matrix
    near: Matrix
    entity: Int64
    course: Course | None

    def by(
        self, member: Member, which: NDArray[np.integer], most: NDArray[np.int64] | None = None
    ) -> Matrix:
        """What `member` sees of the windows `which`; `most` limits the windows before them.

        Raises:
            ModelError: it needs what came before, and that was not given.
        """
        if member.directed:
            return np.asarray(self.near[which])
        if not member.in_context:
            return np.asarray(self.z[which])
        if self.course is None:
            raise ModelError(f"{member.name!r} needs windows with those before them.")
        known = self.course
        parts = [np.empty((0, self.z.shape[1] * SCALES), np.float32)]
        for start in range(0, len(which), _BLOCK):
            part = slice(start, start + _BLOCK)
            parts.append(known.context(which[part], None if most is None else most[part]))
        return np.vstack(parts)


def see(  # noqa: PLR0913, PLR0917 - the windows, and what was learned of their features
    view: View,
    scale: Baseline | Ranges,
    reach: Reach,
    x: Float64,
    entity: Int64,
    stretches: Stretches | None,
) -> Seen:
    """Standardise windows `x` (windows, features) of entities with these numbers."""
    course = None
    if stretches is None:
        z = scale.standardise(x, entity)
    else:
        whole = scale.standardise(stretches.rows, entity[stretches.owner])
        course, z = Course(whole, stretches), whole[stretches.at]
    return Seen(z, reach.scale(directed(view, z), entity), entity, course)


def directed(view: View, z: Matrix) -> Matrix:
    """`z` with 0 where a feature moved in a direction that is no finding."""
    directions = [feature.direction for feature in view.features]
    high = np.array([way in (Direction.HIGH, Direction.BOTH) for way in directions])
    low = np.array([way in (Direction.LOW, Direction.BOTH) for way in directions])
    return watched(z, high, low)
