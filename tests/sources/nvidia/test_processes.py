"""Which processes compute on which card, and whose they are."""

import asyncio
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxwatch.sources import LocalShell
from boxwatch.sources.nvidia_processes import Processes

CARD = "GPU-00000000-1111-2222-3333-444444444444"
CONTAINER = "4f5e" * 16


@pytest.fixture
def tools(tmp_path):
    """Puts programs of our own before all others; builds the reader that uses them."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def build(listed, **programs):
        (tmp_path / "listed").write_bytes(listed)
        put("nvidia-smi", f"cat {tmp_path}/listed")
        for name, script in programs.items():
            put(name, f"echo >> {tmp_path}/{name}.starts\n{script}")
        shell = LocalShell(env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
        return Processes(shell, "nvidia-smi")

    build.starts = lambda name: len((tmp_path / f"{name}.starts").read_text())
    return build


def read(processes, times=1):
    """What the last of so many readings gives."""

    async def go():
        return [await processes.read(30.0) for _ in range(times)][-1]

    return asyncio.run(go())


def line(pid, name="/usr/bin/python3", memory="512"):
    """A line of --query-compute-apps."""
    return f"{CARD}, {pid}, {memory}, {name}\n".encode()


def cgroup(pid, path):
    """What grep finds in the cgroup file of a process."""
    return f"echo '/proc/{pid}/cgroup:0::{path}'"


def test_a_process_belongs_to_its_unit(tools):
    """By its cgroup; a name with commas stays whole."""
    reader = tools(line(77, "vllm serve, one"), grep=cgroup(77, "/system.slice/vllm.service"))
    (process,) = read(reader)[CARD]
    assert process == {
        "pid": 77,
        "name": "vllm serve, one",
        "memory_mib": 512,
        "owner_kind": "unit",
        "owner": "vllm.service",
        "container_name": "",
    }


def test_a_process_belongs_to_its_container_by_name(tools):
    """The engine is asked once for the name; one that stays is not asked for again."""
    found = cgroup(77, f"/system.slice/docker-{CONTAINER}.scope")
    reader = tools(line(77), grep=found, docker="echo /vllm-server")
    (process,) = read(reader, times=3)[CARD]
    assert (process["owner_kind"], process["owner"]) == ("container", CONTAINER)
    assert process["container_name"] == "vllm-server"
    assert (tools.starts("grep"), tools.starts("docker")) == (1, 1)


def test_a_container_that_docker_may_not_tell_of_keeps_its_id(tools):
    """No name, and no question repeated."""
    found = cgroup(77, f"/system.slice/docker-{CONTAINER}.scope")
    reader = tools(line(77), grep=found, docker="echo 'permission denied' >&2; exit 1")
    (process,) = read(reader, times=2)[CARD]
    assert (process["owner"], process["container_name"]) == (CONTAINER, "")
    assert tools.starts("docker") == 1


def test_a_process_of_nobody_is_still_listed(tools):
    """It ended meanwhile, or /proc may not be read."""
    (process,) = read(tools(line(77), grep="exit 2"))[CARD]
    assert (process["pid"], process["owner_kind"], process["owner"]) == (77, "", "")


def test_the_real_proc_tells_of_a_real_process(tools):
    """This very process is looked up with the real grep."""
    (process,) = read(tools(line(os.getpid())))[CARD]
    assert process["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("pid", "memory"), [("[N/A]", "[N/A]"), ("[Insufficient Permissions]", "")]
)
def test_what_is_not_told_is_unknown(tools, pid, memory):
    """A process counts even where neither its number nor its memory is told."""
    (process,) = read(tools(line(pid, memory=memory), grep="exit 2"))[CARD]
    assert (process["pid"], process["memory_mib"]) == (None, None)


def test_a_card_that_nobody_uses_is_not_listed(tools):
    """No line, no process: an empty table, which is not the same as none."""
    assert read(tools(b"")) == {}


def test_an_nvidia_smi_that_fails_tells_nothing(tools):
    """Unknown, not empty."""
    reader = tools(b"")
    broken = Processes(reader._shell, "false")
    assert read(broken) is None


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=60))
def test_no_line_hides_the_next_process(tmp_path_factory, garbage):
    """Whatever stands in a line, the process on the next one is listed."""
    listed = tmp_path_factory.getbasetemp() / "listed"
    listed.write_bytes(garbage.replace(b"\n", b"") + b"\n" + line(77))
    reader = Processes(LocalShell(), "cat")
    reader._argv = ["cat", str(listed)]
    found = read(reader)
    assert [one["pid"] for one in found[CARD] if one["name"] == "/usr/bin/python3"][-1] == 77
