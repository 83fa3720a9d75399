"""A registry that is away, slow or broken keeps nobody from training, promoting or going back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.wiring.command import boxwatch, well
from tests.wiring.test_model_life import cut, made, windows

from boxwatch.settings import load
from boxwatch.store import Layout, read_champions

pytest.importorskip("mlflow", reason="needs boxwatch[lifecycle]")
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, and those of what it imports
SETTING = "BOXWATCH_MODELS__TRACKING_URI"


class _Broken(BaseHTTPRequestHandler):
    """Answers 500 to everything."""

    def do_GET(self) -> None:
        self.send_error(500, "the registry is out of order")

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Slow(_Broken):
    """Takes a request and answers only when the server is stopped."""

    def do_GET(self) -> None:
        self.server.stopped.wait()

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for


class _Server(ThreadingHTTPServer):
    """Ends the requests it left open when it is stopped."""

    daemon_threads = True

    def __init__(self, kind: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), kind)
        self.stopped = threading.Event()


@pytest.fixture(params=[_Broken, _Slow, None], ids=["broken", "slow", "away"])
def uri(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a registry that is of no use; MLflow tries once, for a second."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    if request.param is None:
        yield "http://127.0.0.1:9"
        return
    server = _Server(request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.stopped.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with v1 in use; only to be copied."""
    folder = made(tmp_path_factory.mktemp("faults") / "data")
    well("train", "--data", folder)
    return folder


@pytest.fixture
def trained(first: Path, tmp_path: Path) -> Path:
    """A data folder with v1 in use."""
    return Path(shutil.copytree(first, tmp_path / "data"))


def test_training_goes_on_and_a_later_sync_catches_up(
    uri: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new champion is in use, what was not told is said, and nothing is lost."""
    cut(trained, windows(3))
    monkeypatch.setenv(SETTING, uri)
    answer = well("train", "--data", trained, "--json")
    assert (answer.json["version"], answer.json["champion"]) == ("v2", True)
    assert "models sync" in answer.json["mlflow"]
    assert "registry" in answer.err
    assert set(read_champions(Layout(trained).models)) >= {"host"}
    monkeypatch.delenv(SETTING)
    assert well("models", "sync", "--data", trained, "--json").json["runs"] == 2


def test_sync_itself_says_what_is_wrong(
    uri: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the address, and that nothing is lost."""
    monkeypatch.setenv(SETTING, uri)
    answer = boxwatch("models", "sync", "--data", trained)
    assert answer.status == 3
    assert uri in answer.err
    assert "Nothing is lost" in answer.err


def test_the_variable_of_mlflow_names_the_server_for_sync_but_sends_nothing_by_itself(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever set it for other work has not asked Boxwatch to send anything."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert well("train", "--data", trained, "--json").json["mlflow"] == ""
    answer = boxwatch("models", "sync", "--data", trained)
    assert (answer.status, "127.0.0.1:9" in answer.err) == (3, True)


def test_the_settings_own_variable_wins_over_that_of_mlflow(tmp_path: Path) -> None:
    """And that of MLflow over the file, as the environment does."""
    file = tmp_path / "boxwatch.toml"
    file.write_text('[models]\ntracking_uri = "http://file"\n')
    other = {"MLFLOW_TRACKING_URI": "http://mlflow"}
    assert load(file, environ={}).models.tracking_uri == "http://file"
    assert load(file, environ=other).models.tracking_uri == "http://mlflow"
    both = {**other, SETTING: "http://own"}
    assert load(file, environ=both).models.tracking_uri == "http://own"
    assert load(file, {"models.tracking_uri": "http://line"}, both).models.tracking_uri == (
        "http://line"
    )
