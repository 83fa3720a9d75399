"""How `detect --explain-threshold` prints where thresholds come from."""

from __future__ import annotations

from collections.abc import Iterator

from boxwatch.detections import MemberThreshold, Threshold
from boxwatch.wiring import Thresholds


def lines(found: Thresholds) -> Iterator[str]:
    """The derivation, entity by entity."""
    views = ", ".join(found.views)
    yield (
        f"Budget of a host: {_many(found.false_alarms_per_host_week, 'false alarm')} a week "
        f"(detections.false_alarms_per_host_week), shared by {_many(len(found.views), 'view')} "
        f"({views}). There {'is' if found.hosts == 1 else 'are'} {_many(found.hosts, 'host')}."
    )
    for entity in found.entities:
        yield ""
        yield from _entity(entity)


def _entity(one: Threshold) -> Iterator[str]:
    yield f"{one.host}, {one.entity}, view {one.view}"
    yield (
        f"  {one.false_alarms_per_week:.3g} false alarms a week are its part "
        f"({one.entities_on_host} of its kind on the host), in {one.windows_per_week:,.0f} windows."
    )
    yield (
        f"  {one.in_a_row} windows in a row open a finding, so each may be at p <= "
        f"{one.p_value:.2g} ({one.in_a_row} x {one.false_alarms_per_week:.3g} / "
        f"{one.windows_per_week:,.0f})."
    )
    if one.model is None:
        yield "  There is no model yet: the baseline is being learned."
        return
    share = "has" if len(one.detectors) == 1 else "share"
    yield f"  Model {one.model}: {_many(len(one.detectors), 'detector')} {share} that p-value."
    for member in one.detectors:
        yield from _member(member)


def _member(one: MemberThreshold) -> Iterator[str]:
    known = one.calibration
    whose = "its own" if known.own else "those of all entities"
    yield (
        f"  {one.detector}: p <= {one.p_value:.2g}, "
        + (
            f"from score {one.score:.3g} on"
            if one.score is not None
            else "which its history cannot show: it opens no finding alone"
        )
        + "."
    )
    lent = f" and {known.lent_windows} lent" if known.lent_windows else ""
    yield f"    calibrated on {known.windows:,} held-out windows, {whose}{lent}" + (
        "; drawn towards what is known of machines of this kind" * (one.believes == "reference")
    )
    if known.exceedances == 0:
        yield "    no tail of its own yet"
        return
    fits = "fits" if known.fits else "DOES NOT FIT"
    yield (
        f"    tail beyond score {known.joint:.3g} (p {known.joint_p:.2g}): shape "
        f"{known.shape:.2f}, scale {known.scale:.3g}, from {_many(known.exceedances, 'window')} in "
        f"{_many(known.clusters, 'cluster')}; {fits} "
        f"(distance {known.ks:.2f}, limit {known.ks_limit:.2f})"
    )


def _many(count: float, what: str) -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"
