"""Who writes log lines on the simulated box: systemd units, the kernel, containers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Channel:
    """One writer of lines. `stamp` is the strftime form of the time a line itself carries.

    The marker `{ts}` in a message becomes that stamp when the line is written, so that a line and
    its record agree even while the clock is wrong. `%f` stands for milliseconds.
    """

    name: str
    kind: str  # systemd or docker
    unit: str = ""  # systemd: the unit; empty for the kernel
    identifier: str = ""
    pid: int = 0
    transport: str = "journal"
    image: str = ""
    stream: str = "stdout"
    stamp: str = ""

    @property
    def container_id(self) -> str:
        """The full id of the container of this name."""
        return hashlib.sha256(f"boxwatch-simulated:{self.name}".encode()).hexdigest()

    @property
    def entity(self) -> str:
        """The entity that its lines belong to."""
        return f"service:{self.unit.removesuffix('.service') or self.name}"


def _unit(name: str, unit: str, pid: int, transport: str = "journal", stamp: str = "") -> Channel:
    return Channel(name, "systemd", unit, name, pid, transport, stamp=stamp)


def _container(name: str, image: str, stream: str, stamp: str) -> Channel:
    return Channel(name, "docker", image=image, stream=stream, stamp=stamp)


_ALL: Final = (
    Channel("kernel", "systemd", "", "kernel", 0, "kernel"),
    _unit("systemd", "init.scope", 1),
    _unit("systemd-logind", "systemd-logind.service", 812),
    _unit("sshd", "ssh.service", 1121, "syslog"),
    _unit("CRON", "cron.service", 977, "syslog"),
    _unit("dockerd", "docker.service", 1503, "stdout", "%Y-%m-%dT%H:%M:%S.%f"),
    _unit("ollama", "ollama.service", 2210, "stdout", "%Y/%m/%d - %H:%M:%S"),
    _unit("chronyd", "chrony.service", 861, "syslog"),
    _unit("smartd", "smartmontools.service", 902, "syslog"),
    _unit("nginx", "nginx.service", 1340, "syslog"),
    _unit("node_exporter", "prometheus-node-exporter.service", 1288, "stdout"),
    _unit("backup", "backup.service", 88213, "stdout"),
    _unit("trainer", "trainer.service", 90417, "stdout"),
    _unit("apt", "apt-daily-upgrade.service", 93102, "stdout"),
    _container(
        "open-webui",
        "ghcr.io/open-webui/open-webui:v0.6.5",
        "stdout",
        "%Y-%m-%d %H:%M:%S.%f",
    ),
    _container("vllm", "vllm/vllm-openai:v0.9.1", "stdout", "%m-%d %H:%M:%S"),
    _container("postgres", "postgres:16.4", "stderr", "%Y-%m-%d %H:%M:%S.%f"),
    _container("redis", "redis:7.4", "stdout", "%d %b %Y %H:%M:%S.%f"),
)

CHANNELS: Final[dict[str, Channel]] = {channel.name: channel for channel in _ALL}
CONTAINERS: Final = tuple(channel for channel in _ALL if channel.kind == "docker")
