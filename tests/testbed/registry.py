"""A real MLflow server on loopback: PostgreSQL behind it, and a store that speaks S3.

The server wants other versions of libraries than Boxwatch, and takes a gigabyte, so it lives in a
virtual environment of its own, build/registry.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

PLACE = Path(__file__).parents[2] / "build" / "registry" / "bin"
PACKAGES = "mlflow==3.17.2 'moto[server]==5.2.1' psycopg2-binary boto3"
BUCKET = "models"
LIMIT_S = 240  # for a server to come up on a busy machine
_KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}


class NoRegistry(Exception):
    """None can be started here; says why."""


def postgres_programs() -> Path:
    """Where PostgreSQL's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise NoRegistry("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1].parent


@contextmanager
def registry():
    """A server; its address, and that of its S3 store.

    Its data do not lie in a folder of pytest: those are closed to the user PostgreSQL runs as.
    """
    if not (PLACE / "moto_server").exists():
        how = f"python3 -m venv build/registry && build/registry/bin/pip install {PACKAGES}"
        raise NoRegistry(f"no MLflow server is installed: {how}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(_postgres(folder / "postgres"))
        store = stack.enter_context(_s3(folder))
        yield stack.enter_context(_mlflow(folder, database, store)), store


@contextmanager
def _postgres(folder: Path):
    """A database of its own; the server refuses root, so another user runs it."""
    programs, port = postgres_programs(), _free_port()
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder.mkdir(parents=True)
    if os.getuid() == 0:
        try:
            pwd.getpwnam(user)
        except KeyError:
            raise NoRegistry("there is no user 'postgres' to run PostgreSQL as") from None
        folder.parent.chmod(0o711)
        shutil.chown(folder, user)
    as_user = {"user": user} if os.getuid() == 0 else {}

    def run(program: str, *arguments: str) -> None:
        with (folder.parent / "postgres.log").open("a") as log:
            subprocess.run(
                [programs / program, *arguments], check=True, cwd="/", timeout=LIMIT_S,
                stdout=log, stderr=log, **as_user,
            )  # fmt: skip

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "boxwatch", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-t", str(LIMIT_S), "-l", f"{data}/log", "-o", options, "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "boxwatch", "mlflow")
        yield f"postgresql+psycopg2://boxwatch@127.0.0.1:{port}/mlflow"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


@contextmanager
def _s3(folder: Path):
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with _running(folder / "s3.log", {}, PLACE / "moto_server", "-H", "127.0.0.1", "-p", port):
        _wait(address)
        put = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")  # makes the bucket
        urllib.request.urlopen(put, timeout=LIMIT_S).close()
        yield address


@contextmanager
def _mlflow(folder: Path, database: str, store: str):
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with _running(
        folder / "mlflow.log",
        {
            **_KEYS,
            "MLFLOW_S3_ENDPOINT_URL": store,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
        PLACE / "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", 1,
        "--backend-store-uri", database, "--artifacts-destination", f"s3://{BUCKET}/art",
    ):  # fmt: skip
        _wait(f"{address}/health")
        yield address


@contextmanager
def _running(log: Path, more: dict[str, str], *command: object):
    """A process with its children, ended with the block."""
    path = f"{PLACE}:{os.environ['PATH']}"  # the server starts others by name
    with log.open("wb") as out:
        child = subprocess.Popen(
            list(map(str, command)), env={**os.environ, **more, "PATH": path}, stdout=out,
            stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        yield
        assert child.poll() is None, log.read_text()[-2_000:]
    finally:
        os.killpg(child.pid, 9)
        child.wait(LIMIT_S)


def _wait(address: str) -> None:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"{address} does not answer")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
