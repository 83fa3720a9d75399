import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from boxwatch import pulse
from boxwatch.errors import EnvironmentFault, SettingError
from boxwatch.sinks import MetricsEndpoint


@pytest.fixture
def registry():
    """A registry that has seen a turn of the loop."""
    registry = pulse.Registry()
    pulse.emit(pulse.HostRead("box", 0.25, 0.5, 0.1), registry)
    pulse.emit(pulse.BatchStored(1, {"gpu": 5}, {}, 0.5), registry)
    pulse.emit(pulse.IncidentsCounted({"high": 2, "low": 0}), registry)
    return registry


@pytest.fixture
def endpoint(registry):
    """An endpoint on a free port of this machine."""
    endpoint = MetricsEndpoint("127.0.0.1", 0, registry=registry)
    yield endpoint
    endpoint.close()


def get(endpoint, path="/metrics", **headers):
    """Status, content type and text of an answer."""
    host, port = endpoint.address
    request = urllib.request.Request(f"http://{host}:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers["Content-Type"], refused.read().decode()


def test_the_text_is_what_prometheus_reads(endpoint, registry):
    """Every family parses and has its declared help and type."""
    status, kind, text = get(endpoint)
    assert (status, kind.startswith("text/plain; version=")) == (200, True)
    families = list(text_string_to_metric_families(text))
    for family in families:
        measure = pulse.MEASURES.get(family.name) or pulse.MEASURES[f"{family.name}_total"]
        assert family.documentation == measure.help
        assert family.type == ("counter" if measure.counter else "gauge")
    assert len(families) == len({reading.name for reading in registry.readings()})


def test_old_and_new_names_stand_side_by_side(endpoint):
    """Dashboards that ask for the percentage find it beside the ratio."""
    text = get(endpoint)[2]
    assert "system_cpu_usage_percent 25.0\n" in text
    assert 'boxwatch_cpu_usage_ratio{host="box"} 0.25\n' in text
    assert 'boxwatch_events_total{source="gpu"} 5.0\n' in text
    assert 'boxwatch_incidents_open{severity="high"} 2.0\n' in text
    assert "anomaly_detection_is_anomaly 1.0\n" in text


def test_openmetrics_is_spoken_on_request(endpoint):
    """A reader that accepts OpenMetrics gets it, with its end mark."""
    _, kind, text = get(endpoint, Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_an_unknown_value_is_not_in_the_answer(endpoint, registry):
    """What became unknown is gone at the next request, not frozen."""
    pulse.emit(pulse.HostRead("box", None, 0.5, 0.1), registry)
    text = get(endpoint)[2]
    assert "boxwatch_cpu_usage_ratio" not in text
    assert "boxwatch_memory_usage_ratio" in text


def test_other_paths_are_not_found(endpoint):
    """There is one page; another path says where it is."""
    status, _, text = get(endpoint, "/")
    assert (status, text) == (404, "The metrics are at /metrics.\n")


def test_a_token_is_asked_for(registry):
    """With a token, only who sends it may read."""
    endpoint = MetricsEndpoint("127.0.0.1", 0, "hush", registry)
    try:
        assert get(endpoint)[0] == 401
        assert get(endpoint, Authorization="Bearer no")[0] == 401
        assert get(endpoint, Authorization="Bearer hush")[0] == 200
    finally:
        endpoint.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example"])
def test_other_addresses_need_a_token(host):
    """Serving to other machines without a token is refused before any port is opened."""
    with pytest.raises(SettingError, match="there is no token"):
        MetricsEndpoint(host, 0)


def test_a_taken_port_is_named():
    """A port in use is an environment fault that names it and says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f":{port}: Address already in use") as fault:
            MetricsEndpoint("127.0.0.1", port)
    assert fault.value.exit_status == 3


def test_the_port_is_free_after_close(registry):
    """A closed endpoint can be opened again at the same place."""
    first = MetricsEndpoint("127.0.0.1", 0, registry=registry)
    port = first.address[1]
    first.close()
    second = MetricsEndpoint("127.0.0.1", port, registry=registry)
    assert get(second)[0] == 200
    second.close()


def test_a_reader_that_hangs_up_disturbs_nobody(endpoint, capsys):
    """A half request ends quietly and the next reader is served."""
    with socket.create_connection(endpoint.address) as reader:
        reader.sendall(b"GET /metr")
    assert get(endpoint)[0] == 200
    assert capsys.readouterr().err == ""


def test_loopback_of_ipv6_serves_too(registry):
    """`::1` is this machine as well."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        endpoint = MetricsEndpoint("::1", 0, registry=registry)
    except EnvironmentFault as fault:
        pytest.skip(f"this machine has no IPv6 loopback: {fault}")
    with socket.create_connection(endpoint.address, timeout=60) as reader:
        reader.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert reader.recv(12) == b"HTTP/1.0 200"
    endpoint.close()
