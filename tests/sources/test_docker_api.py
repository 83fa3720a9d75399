"""The engine's socket: what answers that are none, refusals and cuts become."""

import asyncio
import contextlib
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.errors import SourceError
from boxwatch.sources.docker_api import ApiEngine

OK = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"


class Answer:
    """A connection on which an engine says `pieces`, one at a reading, and then hangs up."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = b""
        self.closed = False

    async def read(self, n):
        return self.pieces.pop(0) if self.pieces else b""

    async def send(self, data):
        self.sent += data

    async def close(self):
        self.closed = True


def engine(answer):
    """An engine whose every connection is `answer`."""

    async def dial(path):
        return answer

    return ApiEngine("/x.sock", dial)


def ask(answer):
    """What the engine says of its containers."""
    return asyncio.run(engine(answer).containers())


def said(answer):
    """The lines of a container's log."""

    async def read():
        log = engine(answer).logs("c1", "2026-01-01T00:00:00.5Z", follow=True)
        return [output async for output in log]

    return asyncio.run(read())


def test_an_answer_may_come_in_any_pieces():
    """Cut within its head and within its body."""
    body = json.dumps([{"Id": "a", "State": "running"}, {"Id": "b", "State": "exited"}]).encode()
    whole = OK + body
    answer = Answer(*(whole[at : at + 7] for at in range(0, len(whole), 7)))
    assert ask(answer) == {"a": True, "b": False}
    assert answer.closed


def test_a_log_is_asked_from_a_time_to_the_nanosecond():
    """In seconds since the epoch, the only form that every engine knows."""
    answer = Answer(OK)
    assert said(answer) == []
    assert b"since=1767225600.500000000" in answer.sent
    assert b"follow=1" in answer.sent


def test_a_frame_that_the_connection_cut_is_left_out():
    """It comes whole when the log is read on."""
    line = b"\x01\0\0\0\0\0\0\x05a b1\n"
    assert [output.data for output in said(Answer(OK + line + line[:10]))] == [b"a b1\n"]


@pytest.mark.parametrize(
    ("status", "message", "state"),
    [
        (404, "No such container: c1", "absent"),
        (409, "can not get logs from container which is dead or marked for removal", "absent"),
        (403, "forbidden by the proxy", "denied"),
        (501, "configured logging driver does not support reading", "denied"),
        (500, "something else", "failing"),
    ],
)
def test_refusals_become_states(status, message, state):
    """A container that is gone, a log that cannot be read, an engine that fails."""
    body = json.dumps({"message": message}).encode()
    with pytest.raises(SourceError) as caught:
        said(Answer(b"HTTP/1.0 %d No\r\n\r\n" % status, body))
    assert (caught.value.state, caught.value.message) == (state, message)


def test_no_socket_is_absent(tmp_path):
    """With what to do about it."""
    with pytest.raises(SourceError, match="No container engine listens") as caught:
        asyncio.run(ApiEngine(str(tmp_path / "none.sock")).containers())
    assert caught.value.state == "absent"
    assert "Install Docker" in caught.value.hint


def test_a_socket_of_others_is_denied():
    """With the least that has to be granted."""

    async def dial(path):
        raise PermissionError(13, os.strerror(13))

    with pytest.raises(SourceError, match="may not use") as caught:
        asyncio.run(ApiEngine("/x.sock", dial).containers())
    assert caught.value.state == "denied"
    assert "lets only GET through" in caught.value.hint


@given(st.binary(max_size=80), st.booleans())
@settings(deadline=None, max_examples=50)
def test_whatever_answers_is_an_answer_or_a_source_error(data, headed):
    """Another server behind the socket crashes nothing."""
    for question in (ask, said):
        with contextlib.suppress(SourceError):
            assert question(Answer((OK if headed else b"") + data)) is not None


_JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Id", "State"]), inner),
    max_leaves=8,
)


@given(_JSON)
@settings(deadline=None, max_examples=50)
def test_any_json_is_an_answer_or_a_source_error(found):
    """Of whatever form."""
    with contextlib.suppress(SourceError):
        assert isinstance(ask(Answer(OK + json.dumps(found).encode())), dict)
