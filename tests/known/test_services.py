"""Findings from what model servers say of themselves."""

import json

import pytest
from tests.known.stream import at, logs, of_samples, run, samples

from boxwatch.detections.detection import Kind
from boxwatch.detections.known import KnownFailures
from boxwatch.events.schema import Events

WORKING = {"requests_running": 3.0, "requests_waiting": 0.0, "answers": 1.0}


def vllm(seconds, **metrics):
    """Readings of a model server, every five seconds."""
    return samples("service:vllm", seconds, **(WORKING | metrics))


TIMES = range(0, 600, 5)


def frozen_from(index, growth=50.0):
    """A counter that grows until a reading and then no more."""
    return [growth * min(number, index) for number in range(len(TIMES))]


def test_server_with_requests_and_no_step_is_stuck():
    """Healthy to look at, and doing nothing: found after a minute, over when a token comes."""
    steps = frozen_from(40)
    steps[80:] = [9000.0 + number for number in range(len(steps[80:]))]
    found = of_samples(vllm(TIMES, steps_total=steps, tokens_generated_total=steps))
    stuck = found["stuck-inference"]
    assert (stuck.start, stuck.end, stuck.open) == (at(205), at(395), False)
    assert stuck.reasons[0].text == (
        "3 requests running, 0 waiting, and no step of the engine since; 2000 tokens so far"
    )


@pytest.mark.parametrize(
    "metrics",
    [
        {"steps_total": frozen_from(1000)},  # it works
        {"steps_total": frozen_from(40), "requests_running": 0.0},  # it has nothing to do
        {"steps_total": frozen_from(40), "requests_running": None, "requests_waiting": None},
        {"tokens_generated_total": frozen_from(40)},  # it counts no steps: a long answer
        {"steps_total": [float(i % 8) for i in range(len(TIMES))]},  # it restarts again and again
        {"answers": 1.0},  # nothing known at all
    ],
)
def test_server_that_works_rests_or_says_nothing_is_not_stuck(metrics):
    """No finding without requests in hand and a known step counter that stands still."""
    assert of_samples(vllm(TIMES, **metrics)) == {}


def test_requests_that_wait_while_none_runs_are_stuck_too():
    """A scheduler that no longer schedules."""
    metrics = {"requests_running": 0.0, "requests_waiting": 4.0, "steps_total": 7.0}
    assert "stuck-inference" in of_samples(vllm(TIMES, **metrics))


def test_one_reading_without_a_step_is_no_finding():
    """A long prompt is read for half a minute."""
    steps = [float(number // 7) for number in range(len(TIMES))]
    assert of_samples(vllm(TIMES, steps_total=steps)) == {}


def test_server_that_counts_only_ends_is_given_ten_minutes():
    """Ollama behind a proxy: no request ended and no token came."""
    times = range(0, 1200, 10)
    ended = {"tokens_generated_total": 100.0, "requests_finished_total": 4.0}
    found = of_samples(vllm(times, requests_waiting=None, **ended))
    assert list(found) == ["no-request-ends"]
    assert found["no-request-ends"].reasons[0].text.startswith("3 requests running, nan waiting")


def test_queue_that_stays_long_is_found_and_ends():
    """Twenty wait while three run, for two minutes; over when it is half of that."""
    waiting = [30.0] * 60 + [15.0] * 20 + [2.0] * 40
    steps = {"steps_total": frozen_from(1000)}
    found = of_samples(vllm(TIMES, requests_waiting=waiting, **steps))["requests-pile-up"]
    assert (found.start, found.end) == (at(0), at(295))
    assert found.reasons[0].text == "30 requests wait while 3 run"


def test_server_that_does_not_answer_is_missing():
    """Ten seconds of refused connections, until it answers again."""
    answers = [1.0] * 20 + [0.0] * 20 + [1.0] * 80
    found = of_samples(vllm(TIMES, answers=answers))["service-not-answering"]
    assert (found.start, found.end, found.kind) == (at(100), at(195), Kind.MISSING)


def processes(gpu, *services):
    """The record of who uses a GPU."""
    told = {"index": gpu, "processes": [{"pid": 1, "service": service} for service in services]}
    return (0, {"source": "gpu", "subtype": "processes", "attributes": json.dumps(told)})


@pytest.mark.parametrize("restart", [False, True])
def test_stuck_server_names_its_gpus(restart):
    """The process lists of the cards say where it works; known over a restart too."""
    known = KnownFailures()
    seen = processes("1", "service:vllm", None), processes("0", "service:other")
    assert known.add(Events(logs=logs(seen)), at(1)) == []
    if restart:
        state = json.loads(json.dumps(known.save()))
        known = KnownFailures()
        known.load(state)
    stuck = Events(samples=vllm(TIMES, steps_total=7.0))
    (found,) = run(stuck, 600, known)
    assert (found.reasons[-1].text, found.reasons[-1].entity) == ("it works on GPU 1", "gpu:1")
