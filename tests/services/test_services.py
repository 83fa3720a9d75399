"""Model servers are asked for their metrics; what is wrong with an answer is said, never raised."""

import asyncio
import gzip
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.model_server import PAGES, page

from boxwatch.events import METRICS, RawChunk, normalise
from boxwatch.events.model_servers import SERVERS
from boxwatch.sources import LocalShell
from boxwatch.sources.scrape import ShellFetch
from boxwatch.sources.scraped import read_page
from boxwatch.sources.services import ServicesSource

EXPECTED = {
    "vllm": {
        "tokens_generated_total": 28000,
        "steps_total": 9001,
        "requests_running": 8,
        "requests_waiting": 2,
        "requests_finished_total": 100,
        "requests_failed_total": 1,
        "kv_cache_used_ratio": 0.61,
        "first_token_seconds_total": 25,
        "first_tokens_total": 100,
    },
    "sglang": {"requests_running": 162, "requests_waiting": 2826, "steps_total": 7400757},
    "llama.cpp": {"tokens_generated_total": 5120, "steps_total": 4211, "requests_running": 2},
    "tgi": {"tokens_generated_total": 24000, "steps_total": 9000, "requests_failed_total": 10},
    "triton": {"requests_waiting": 7, "request_seconds_total": 12, "requests_failed_total": 3},
    "ollama": {"tokens_generated_total": 5500, "requests_running": 1, "request_seconds_total": 84},
}


@pytest.mark.parametrize("server", EXPECTED)
def test_each_server_is_read_by_its_own_names(server):
    """Labels are added up, of shares the highest counts, units are base units."""
    read = read_page(PAGES[server.replace(".", "")])
    assert (read.server, read.malformed) == (server, 0)
    assert EXPECTED[server].items() <= read.metrics.items()


def test_server_inside_another_is_read_by_its_own_names():
    """Of vLLM in Triton the engine's queue counts, not the one in front of it."""
    read = read_page(PAGES["triton"] + PAGES["vllm"])
    assert (read.server, read.metrics["requests_waiting"]) == ("vllm", 2)


def test_table_names_known_metrics_and_says_where_it_is_from():
    """Every server's names stand with a document and a date."""
    for server in SERVERS:
        assert server.source.startswith("https://")
        assert server.dated >= "2026"
        assert all(METRICS[name].entity == "service" for name in server.forms)


def test_malformed_line_costs_no_other():
    """A line that breaks off, a word for a number, an endless label: counted, the rest is read."""
    bad = b'vllm:num_requests_running{a="b\nvllm:generation_tokens_total x\n'
    read = read_page(bad + b'vllm:num_requests_waiting{a="' + b"\\" * 9000 + b'"} 3\n')
    assert (read.metrics, read.malformed) == ({"requests_waiting": 3.0}, 2)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PAGES["vllm"].splitlines()[20:40]]) | st.binary(max_size=40)))
def test_no_page_raises(lines):
    """Whatever bytes a page is made of, reading it ends in a page."""
    read = read_page(b"\n".join(lines))
    assert bool(read.server) != bool(read.foreign)


def test_readings_become_samples_of_the_service(serve, readings, endpoint):
    """From the endpoint to the table: entity, host and value."""
    server = serve(page(PAGES["vllm"]))
    rows = readings(endpoint(server.url, host="gpu1"))
    chunk = RawChunk("service", repr(rows[0]).replace("'", '"').encode() + b"\n", "box", "test")
    samples = {row["metric"]: row for row in normalise(chunk).samples.iter_rows(named=True)}
    running = samples["requests_running"]
    assert (running["host"], running["entity"], running["value"]) == ("gpu1", "service:vllm", 8)
    assert samples["answers"]["value"] == 1


def test_value_that_is_no_number_is_unknown_with_the_reason(serve, readings, endpoint):
    """NaN is not zero."""
    server = serve(page(b"llamacpp:requests_processing nan\n"))
    row = readings(endpoint(server.url))[0]
    assert row["requests_running"] == "the server says it is no number"


def test_compressed_page_is_read(serve, readings, endpoint):
    """Gzip is asked for and understood."""
    server = serve(page(gzip.compress(PAGES["tgi"]), Content_Encoding="gzip"))
    assert readings(endpoint(server.url))[0]["requests_waiting"] == 4


def test_token_is_sent(serve, readings, endpoint):
    """As a bearer token, and it is not shown."""
    server = serve(page(PAGES["tgi"]))
    asked = endpoint(server.url, token="s3cret")
    readings(asked)
    assert server.asked[0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(asked)


BOMB = gzip.compress(b"\0" * (64 << 20))
BAD = {
    "html": (page(b"<!DOCTYPE html><p>vllm:num_requests_running 1"), "failing", "web page", 1),
    "json": (page(b'{"error": "no"}'), "failing", "JSON", 1),
    "empty": (page(b""), "failing", "empty", 1),
    "other metrics": (page(b"# TYPE up gauge\nup 1\n"), "failing", "no metric of a model", 1),
    "binary": (page(b"\x00\xff\xfe"), "failing", "not metrics", 1),
    "large": (page(b"x" * 10_000_000), "failing", "larger than", 1),
    "bomb": (page(BOMB, Content_Encoding="gzip"), "failing", "larger than", 1),
    "broken gzip": (page(b"nonsense", Content_Encoding="gzip"), "failing", "not gzip", 1),
    "brotli": (page(b"x", Content_Encoding="br"), "failing", "not asked for", 1),
    "redirect": (page(b"", 302, Location="http://192.0.2.1/"), "failing", "not followed", 1),
    "refused token": (page(b"", 401), "denied", "401", 1),
    "no such path": (page(b"", 404), "failing", "404", 1),
    "loading": (page(b"", 503), "failing", "503", 0),
    "cut short": (page(b"x", Content_Length="100"), "failing", "", 0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_answer_is_said(serve, readings, endpoint, name):
    """State and reason as a status of the endpoint, and whether the server answers at all."""
    answer, state, words, answers = BAD[name]

    def once(handler):
        answer(handler)
        handler.close_connection = True

    asked = endpoint(serve(once).url)
    told = readings(asked, kind="status")[0]
    assert (told["source"], told["state"]) == ("services/vllm", state)
    assert words in told["reason"]
    assert readings(asked)[0]["answers"] == answers


def test_nobody_listens(readings, endpoint):
    """A refused connection: the service does not answer, and it is said once."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/metrics"
    rows = readings(endpoint(url), enough=lambda rows: len(rows) >= 3)
    assert {row["answers"] for row in rows} == {0}
    assert readings(endpoint(url), kind="status")[0]["state"] == "failing"


def test_server_that_hangs_delays_no_other(serve, readings, endpoint):
    """One never answers and is given up; the other is read as often as it should."""
    silent = serve(lambda handler: silent.release.wait())
    lively = serve(page(PAGES["vllm"]))
    asked = endpoint(silent.url, "silent", limit_s=0.3), endpoint(lively.url, "lively")

    def enough(rows):
        heard = [row["service"] for row in rows]
        return "silent" in heard and heard.count("lively") >= 3

    rows = readings(*asked, enough=enough)
    assert {(row["service"], row["answers"]) for row in rows} == {("silent", 0), ("lively", 1)}


def test_server_that_trickles_is_given_up(serve, readings, endpoint):
    """A byte now and then does not keep an endpoint alive beyond its limit."""

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not server.release.wait(0.02):
            handler.wfile.write(b"#")

    server = serve(trickle)
    told = readings(endpoint(server.url, limit_s=0.3), kind="status")[0]
    assert (told["state"], "0.3 s" in told["reason"]) == ("hung", True)


def test_probe_says_which_endpoint_is_wrong(serve, endpoint):
    """`check` names the first that cannot be read."""
    good = serve(page(PAGES["vllm"]))
    bad = serve(page(b"", 404))

    async def probe(*endpoints):
        source = ServicesSource("box", endpoints)
        try:
            return await source.probe()
        finally:
            await source.close()

    assert asyncio.run(probe(endpoint(good.url))).state == "ok"
    found = asyncio.run(probe(endpoint(good.url), endpoint(bad.url, "tgi")))
    assert (found.state, found.reason) == ("failing", "tgi: It answers 404.")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (page(PAGES["vllm"]), "ok"),
        (page(b"", 401), "denied"),
        (page(b"", 302, Location="http://192.0.2.1/"), "failing"),
        (page(b"x" * 10_000_000), "failing"),
    ],
)
def test_page_is_got_through_a_shell(serve, readings, endpoint, answer, state):
    """By curl where the server is: the same answers, and the token is no argument."""
    server = serve(answer)
    asked = endpoint(server.url, token='to"ken')
    told = readings(asked, kind="status", fetch=ShellFetch(LocalShell()))[0]
    assert (told["state"], server.asked[0]["Authorization"]) == (state, 'Bearer to"ken')


def test_shell_says_that_nobody_listens_or_hangs(serve, readings, endpoint):
    """What curl says is the reason."""
    silent = serve(lambda handler: silent.release.wait())
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/metrics"
    fetch = ShellFetch(LocalShell())
    told = readings(endpoint(url), kind="status", fetch=fetch)[0]
    assert (told["state"], "onnect" in told["reason"]) == ("failing", True)
    assert (
        readings(endpoint(silent.url, limit_s=1), kind="status", fetch=fetch)[0]["state"] == "hung"
    )
