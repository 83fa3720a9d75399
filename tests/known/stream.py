"""Small streams of events for the tests of the known-failure rules."""

from datetime import UTC, datetime, timedelta

import polars as pl

from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import LOGS, SAMPLES, Events

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLANK = {
    "host": "box",
    "source": "kernel",
    "subtype": "kmsg",
    "severity": 9,
    "unit": None,
    "container_name": None,
    "container_id": None,
    "message": "",
    "attributes": None,
}


def at(seconds):
    """The instant so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def logs(rows):
    """Log lines: (seconds, columns that differ from a blank kernel line)."""
    return pl.DataFrame(
        [
            BLANK | {"time": at(seconds), "event_id": number + 1} | columns
            for number, (seconds, columns) in enumerate(rows)
        ],
        schema=dict(LOGS),
    )


def kernel(*lines):
    """Kernel lines: (seconds, text)."""
    return logs([(seconds, {"message": text}) for seconds, text in lines])


def died(seconds, name="vllm", code=1):
    """A container that died: a row for `logs`."""
    told = f'{{"Action":"die","Actor":{{"Attributes":{{"exitCode":"{code}"}}}}}}'
    return (seconds, event("die", name, told))


def event(action, name="vllm", told=None):
    """The columns of a container event."""
    return {
        "source": "docker",
        "subtype": "event",
        "container_name": name,
        "message": f"container {action}",
        "attributes": told if told is not None else f'{{"Action":"{action}"}}',
    }


def samples(entity, seconds, **metrics):
    """Readings of one entity: each metric a value or a list of one value per second."""
    rows = []
    for index, second in enumerate(seconds):
        for metric, values in metrics.items():
            value = values[index] if isinstance(values, list) else values
            rows.append(
                {
                    "time": at(second),
                    "host": "box",
                    "source": "gpu" if entity.startswith("gpu") else "host",
                    "entity": entity,
                    "metric": metric,
                    "value": value,
                    "reason": None if value is not None else "no answer",
                }
            )
    return pl.DataFrame(rows, schema=dict(SAMPLES))


def run(events, until, known=None):
    """The findings of one batch, and the last word on each after `until` seconds."""
    known = KnownFailures() if known is None else known
    found = known.add(events, at(0)) + known.add(Events(), at(until))
    return {d.id: d for d in found}.values()


def of_logs(frame, until=3600.0, known=None):
    """What a frame of log lines leads to, by rule."""
    return {d.name: d for d in run(Events(logs=frame), until, known)}


def of_samples(*frames, until=7200.0, known=None):
    """What frames of samples lead to, by rule."""
    return {d.name: d for d in run(Events(samples=pl.concat(frames)), until, known)}
