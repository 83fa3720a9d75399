"""What a container's state says, from what engines answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.sources.container_state import condition, describe, finished, is_running

RUNNING = {
    "Name": "/vllm",
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "Running": True,
        "Pid": 77,
        "ExitCode": 0,
        "OOMKilled": False,
        "StartedAt": "2026-01-01T00:00:00Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
        "Health": {
            "Status": "unhealthy",
            "FailingStreak": 3,
            "Log": [{"Output": "first"}, {"Output": "no answer\n"}],
        },
    },
    "Config": {"Image": "vllm:1", "Env": ["SECRET=x", "NVIDIA_VISIBLE_DEVICES=0,1"]},
    "HostConfig": {
        "Memory": 1 << 30,
        "LogConfig": {"Type": "json-file"},
        "RestartPolicy": {"Name": "always"},
        "DeviceRequests": None,
    },
}
STOPPED = {
    "Name": "/job",
    "State": {
        "Status": "exited",
        "Running": False,
        "ExitCode": 137,
        "OOMKilled": True,
        "FinishedAt": "2026-01-01T00:00:01Z",
    },
}


def test_a_running_container_tells_all_that_others_need():
    """Its process, its limit, its cards, how often it restarted, why its check fails."""
    told = describe(RUNNING)
    assert (told["pid"], told["memoryLimit"], told["gpus"]) == ("77", str(1 << 30), "0,1")
    assert (told["restartCount"], told["restartPolicy"]) == ("2", "always")
    assert (told["health"], told["failingStreak"], told["healthOutput"]) == (
        "unhealthy",
        "3",
        "no answer",
    )
    assert "exitCode" not in told


def test_the_environment_stays_where_it_is():
    """It holds secrets; only the GPUs are taken from it."""
    assert "SECRET" not in str(describe(RUNNING))


def test_a_stopped_container_tells_how_it_ended():
    """Exit code, and whether it was killed for memory."""
    told = describe(STOPPED)
    assert (told["exitCode"], told["oomKilled"], told["status"]) == ("137", "true", "exited")
    assert (is_running(STOPPED), finished(STOPPED)) == (False, "2026-01-01T00:00:01Z")
    assert "pid" not in told


@pytest.mark.parametrize(
    ("request_", "gpus"),
    [
        ({"Count": -1, "Capabilities": [["gpu"]]}, "all"),
        ({"Count": 2, "Capabilities": [["gpu"]]}, "2 of them"),
        ({"Driver": "nvidia", "DeviceIDs": ["0", "GPU-1"]}, "0,GPU-1"),
        ({"Driver": "other", "DeviceIDs": ["0"]}, None),
    ],
)
def test_gpus_that_were_asked_for(request_, gpus):
    """`--gpus all`, `--gpus 2`, `--gpus device=…`; another driver's devices are no GPUs."""
    record = {"HostConfig": {"DeviceRequests": [request_]}}
    assert describe(record).get("gpus") == gpus


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"Status": "running", "Health": {"Status": "healthy"}}, "healthy"),
        ({"Status": "running", "Health": {"Status": "none"}}, "running"),
        ({"Status": "exited", "Health": {"Status": "unhealthy"}}, "exited"),
        ({}, "unknown"),
    ],
)
def test_one_word_for_how_it_is(state, word):
    """Its health matters only while it runs."""
    assert condition({"State": state}) == word


_KEYS = st.sampled_from(
    ["State", "HostConfig", "Config", "Health", "Log", "Env", "DeviceRequests", "Capabilities"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=4))
def test_any_answer_is_described(record):
    """No form of answer raises; all attributes are texts."""
    assert all(isinstance(value, str) for value in describe(record).values())
    assert condition(record)
