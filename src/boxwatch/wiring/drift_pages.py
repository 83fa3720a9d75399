"""A check for drift as a page: Boxwatch's own, or Evidently's about the same rows."""

from __future__ import annotations

from pathlib import Path

from boxwatch import parts
from boxwatch.errors import EnvironmentFault, UsageError
from boxwatch.features import VIEWS
from boxwatch.lifecycle import LEAST_ROWS, Profile
from boxwatch.reports import Moved, drift_page, instant
from boxwatch.store import Layout, load_model, load_rows
from boxwatch.wiring.detector_task import PROFILE
from boxwatch.wiring.drift import DriftReport, MovedFeature, champion_run, late_windows
from boxwatch.wiring.drift_outputs import MovedOutput


def drift_html(data: Path, report: DriftReport) -> str:
    """`report` as one page that stands alone, with a picture of each feature that moved."""
    run = champion_run(data)
    late = late_windows(data, report.start)
    moved = []
    for name in dict.fromkeys(one.view for one in report.moved):
        usual = Profile.load(load_model(Layout(data).models, run.parts[PROFILE + name]))
        now = usual.like(late[name].sort("start", "host", "entity"))
        moved += [_picture(one, usual, now) for one in report.moved if one.view == name]
    facts = {
        "kind": report.kind,
        "priority": "none" if report.priority is None else report.priority,
        "what to do": report.action,
        "version": report.version,
        "learned until": instant(report.learned_until),
        "compared": f"{instant(report.start)} to {instant(report.end)}",
        "windows": f"{report.windows:,}",
        "features": f"{report.features:,}",
    }
    return drift_page(facts, moved, [_row(one) for one in report.outputs], report.unknown)


def write_evidently(data: Path, report: DriftReport, file: Path) -> list[Path]:
    """Evidently's page of each view that has enough windows; the files written.

    `drift.html` becomes `drift-host.html`, `drift-gpu.html` and so on.

    Raises:
        EnvironmentFault: Evidently is not installed, or a file cannot be written.
        UsageError: no view has enough windows.
        StoreError: the rows that the version learned from are gone.
    """
    try:
        write = parts.load("evidently")
    except ImportError as error:
        raise EnvironmentFault(
            f"Evidently is not installed, or not as it should be: {error}.",
            hint="pip install 'boxwatch[evidently]' brings it.",
        ) from error
    run = champion_run(data)
    late = late_windows(data, report.start)
    written = []
    for name, rows in run.selection["rows"].items():
        if late[name].height < LEAST_ROWS:
            continue
        columns = VIEWS[name].columns
        usual = load_rows(Layout(data).models, rows).select(columns)
        out = file.with_stem(f"{file.stem}-{name}")
        try:
            write(usual, late[name].select(columns), out)
        except OSError as refused:
            raise EnvironmentFault(
                f"The report cannot be written to {str(out)!r}: {refused.strerror}.",
                hint="Give a file in a folder that exists and that you may write to.",
            ) from None
        written.append(out)
    if not written:
        raise UsageError(
            f"No view has {LEAST_ROWS} windows to compare.", hint="Give a longer --since."
        )
    return written


def _picture(found: MovedFeature, usual: Profile, now: Profile) -> Moved:
    curves = []
    for profile in (usual, now):
        edges, up_to = profile.distribution(found.feature)
        at = profile.names.index(found.feature)
        last = (float(profile.reach[at, 1]), 1.0)  # what lies beyond the last edge
        points = (*zip(edges.tolist(), up_to.tolist(), strict=True), last)
        curves.append(points if profile.counts[:, at].any() else ())
    return Moved(
        found.view,
        found.feature,
        found.help,
        found.effect,
        found.value,
        found.at_least,
        found.limit,
        *curves,
    )


def _row(output: MovedOutput) -> dict[str, str]:
    return {
        "what": output.what,
        "value": f"{output.value:.3g}",
        "at least": f"{output.at_least:.3g}",
        "at most": f"{output.at_most:.3g}",
        "usual": "unknown" if output.usual is None else f"{output.usual:.3g}",
        "limit": f"{output.limit:.3g}",
        "drifted": "yes" if output.drifted else "no",
        "meaning": output.help,
    }
