"""Small findings for the tests of grouping and reports."""

from datetime import UTC, datetime, timedelta

from boxwatch.detections.detection import Detection, Kind, Reason, Severity

START = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)


def at(seconds):
    """The instant so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def known(rule, entity, start, end=None, *, severity="high", still=False, text="what was seen"):
    """A finding of a known-failure rule."""
    return Detection(
        host="box",
        entity=entity,
        start=at(start),
        end=at(start if end is None else end),
        open=still,
        kind=Kind.KNOWN,
        name=rule,
        severity=Severity(severity),
        reasons=(Reason(text, entity=entity, event_id=7),),
    )


def unusual(entity, start, end, *features, still=False, host="box"):
    """A statistical finding that these features explain, in equal parts."""
    return Detection(
        host=host,
        entity=entity,
        start=at(start),
        end=at(end),
        open=still,
        kind=Kind.UNUSUAL,
        name=f"{entity.partition(':')[0]}-unusual",
        severity=Severity.MEDIUM,
        reasons=tuple(
            Reason(f"{name} is far off", entity=entity, metric=name, share=1 / len(features))
            for name in features
        ),
        p_value=1e-9,
    )
