"""Host readings: metrics by their own names, of every kind of entity."""

import pytest

AT = {"host": "h", "collected_at": "2024-05-01T12:00:00Z"}


def test_numbers_are_values_and_words_are_reasons(read) -> None:
    """A value that is no number says why it is unknown."""
    record = AT | {"entity": "host", "load1": 1.5, "cpu_cores": 8, "load5": "permission denied"}
    samples = read("host", record).samples
    assert samples.select("metric", "value", "reason").sort("metric").rows() == [
        ("cpu_cores", 8.0, None),
        ("load1", 1.5, None),
        ("load5", None, "permission denied"),
    ]


@pytest.mark.parametrize(
    ("entity", "metric"),
    [
        ("host", "uptime_seconds"),
        ("disk:nvme0n1", "reads_total"),
        ("fs:/", "size_bytes"),
        ("net:eth0", "errors_total"),
        ("sensor:cpu", "sensor_celsius"),
    ],
)
def test_every_kind_of_entity_is_read(read, entity: str, metric: str) -> None:
    """The entity stays as it is."""
    (row,) = read("host", AT | {"entity": entity, metric: 5}).samples.rows(named=True)
    assert (row["entity"], row["metric"], row["value"]) == (entity, metric, 5.0)


def test_an_entity_has_only_the_metrics_of_its_kind(read) -> None:
    """A disk has no load average."""
    samples = read("host", AT | {"entity": "disk:sda", "load1": 1, "reads_total": 2}).samples
    assert samples["metric"].to_list() == ["reads_total"]


@pytest.mark.parametrize("entity", [None, "", "printer:1", "hostess", ":x"])
def test_an_unknown_entity_is_set_aside(read, entity) -> None:
    """Not guessed."""
    events = read("host", AT | {"entity": entity, "load1": 1})
    assert events.samples.height == 0
    assert events.quarantined["reason"].to_list() == ["no entity that is known"]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "NaN", "1e999", "0x10", "1,5", "true"])
def test_what_is_not_a_finite_number_is_a_reason(read, value: str) -> None:
    """No infinity and no NaN gets into the table."""
    samples = read("host", AT | {"entity": "host", "load1": value}).samples
    assert samples.select("value", "reason").row(0) == (None, value)
