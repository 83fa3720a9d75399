"""Who owns a process, by its cgroup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxwatch.events import owner_of, owner_of_process

ID = "0123456789abcdef" * 4
POD = "pod1b4cf1a1-1c7a-4a0e-9a34-1b9ad6b7a001"


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{ID}",
        f"/docker/{ID}/system.slice/sshd.service",
        f"/docker/{ID}/docker/{'f' * 64}",
        f"/system.slice/docker-{ID}.scope",
        f"/system.slice/docker-{ID}.scope/init.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
        f"/system.slice/vllm.service/libpod-payload-{ID}",
        f"/kubepods/burstable/{POD}/{ID}",
        f"/kubepods.slice/kubepods-{POD}.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-{POD}.slice/crio-{ID}.scope",
        f"/system.slice/containerd.service/kubepods-{POD}.slice:cri-containerd:{ID}",
        f"/ecs/0a1b2c3d/{ID}",
    ],
)
def test_containers_are_known_by_their_id(path: str) -> None:
    """Every engine's way to name a container's cgroup gives the full id."""
    assert owner_of(path) == ("container", ID)


def test_other_names_of_containers() -> None:
    """ECS appends a number to a short id; LXC uses the container's name."""
    assert owner_of(f"/ecs/x/{ID[:32]}-4071") == ("container", f"{ID[:32]}-4071")
    assert owner_of("/lxc.payload.trainer/ns") == ("container", "trainer")


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/ollama.service", "ollama.service"),
        ("/system.slice/ollama.service/worker", "ollama.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/lab.service", "lab.service"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service"),
        ("/init.scope", "init.scope"),
        ("/system.slice/_cpu.service", "cpu.service"),
        (f"/machine.slice/libpod-conmon-{ID}.scope", f"libpod-conmon-{ID}.scope"),
    ],
)
def test_units_are_known_by_their_name(path: str, unit: str) -> None:
    """The unit itself, not its slice nor the user's manager."""
    assert owner_of(path) == ("unit", unit)


@pytest.mark.parametrize("path", ["", "/", "/user.slice", "/system.slice/", "/docker/buildx", "x"])
def test_nobody(path: str) -> None:
    """The root, a slice or a word own nothing."""
    assert owner_of(path) == ("", "")


def test_a_process_of_a_container_under_cgroup_v1() -> None:
    """The container is found in whichever hierarchy names it."""
    text = f"12:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/init.scope\n"
    assert owner_of_process(text) == ("container", ID)


def test_a_process_of_a_unit() -> None:
    """Both layouts of cgroups(7): the unified line, and systemd's own hierarchy."""
    assert owner_of_process("0::/system.slice/a.service\n") == ("unit", "a.service")
    v1 = "5:pids:/system.slice/wrong.service\n1:name=systemd:/system.slice/a.service\n0::/\n"
    assert owner_of_process(v1) == ("unit", "a.service")


@given(st.text(alphabet=st.sampled_from("/:-.abcf0159_@\n\x00é") | st.characters()))
def test_any_text_has_an_answer(text: str) -> None:
    """No text raises; a kind is told exactly when a name is."""
    for kind, name in (owner_of(text), owner_of_process(text)):
        assert kind in {"container", "unit", ""}
        assert bool(kind) == bool(name)
