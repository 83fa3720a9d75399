"""What makes a small host a host: its units, its sshd, its users. The rest is the machine's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

USER: Final = "watcher"
USER_ID: Final = 4711
GROUPS: Final = ("systemd-journal", "docker")

SSHD_UNIT: Final = "small-sshd.service"
# Units that belong to real hardware, a console or a network of their own.
_MASKED: Final = (
    "console-getty.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "getty.target",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-boot-update.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-pcrphase.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-resolved.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
)

_TARGET: Final = """[Unit]
Requires=basic.target
After=basic.target
Wants={services}
"""
# As distributions ship it: sessions outlive the listener. For cgroup v1 to count their processor
# time, the listener goes to a group of its own, and they with it.
_SSHD: Final = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/bin/sh -c "echo $$$$ > /sys/fs/cgroup/cpuacct/sessions/cgroup.procs; \
exec {sshd} -D -e -f /etc/small-host/sshd_config"
KillMode=process
Restart=always
RestartSec=200ms
SyslogIdentifier=sshd
"""
_SSHD_CONFIG: Final = """Port 22
HostKey /etc/small-host/host_key
AuthorizedKeysFile /etc/small-host/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowUsers {user}
MaxSessions 64
MaxStartups 200
"""
# With live-restore containers outlive the engine, and block while nobody takes their lines.
_DOCKER: Final = """[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart={dockerd} --host=unix:///run/docker.sock --group=docker --bridge=none --iptables=false \
--ip6tables=false --live-restore --log-level=warn
Delegate=yes
KillMode=process
Restart=always
RestartSec=200ms
"""
_JOURNALD: Final = """[Journal]
Storage=persistent
ReadKMsg=no
RateLimitIntervalSec=0
SystemMaxUse=8G
SystemMaxFileSize=256M
"""


def write_image(folder: Path, name: str, programs: Mapping[str, str]) -> None:
    """The files that lie over the machine's own, in `folder`.

    Args:
        folder: where; its parts etc/ stand for /etc.
        name: of the host.
        programs: paths of sshd and, where the host has containers, of dockerd.

    """
    units = folder / "etc/systemd/system"
    units.mkdir(parents=True)
    os.setxattr(units, "trusted.overlay.opaque", b"y")  # the machine's own units stay out
    for masked in _MASKED:
        (units / masked).symlink_to("/dev/null")
    texts = {SSHD_UNIT: _SSHD.format(sshd=programs["sshd"])}
    if "dockerd" in programs:
        texts["docker.service"] = _DOCKER.format(dockerd=programs["dockerd"])
    target = _TARGET.format(services=" ".join(texts))
    for unit, text in {**texts, "small-host.target": target}.items():
        (units / unit).write_text(text)
    limits = units / "systemd-journald.service.d"
    limits.mkdir()
    (limits / "again.conf").write_text("[Unit]\nStartLimitIntervalSec=0\n")  # however often it ends
    own = folder / "etc/small-host"
    own.mkdir()
    (own / "sshd_config").write_text(_SSHD_CONFIG.format(user=USER))
    (folder / "etc/systemd/journald.conf").write_text(_JOURNALD)
    journal_parts = folder / "etc/systemd/journald.conf.d"
    journal_parts.mkdir()
    os.setxattr(journal_parts, "trusted.overlay.opaque", b"y")
    (folder / "etc/hostname").write_text(f"{name}\n")
    (folder / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
    _write_users(folder / "etc")


def _write_users(folder: Path) -> None:
    """The machine's users, and one who may read the journal and ask the container engine."""
    known = Path("/etc/passwd").read_text(encoding="utf-8")
    (folder / "passwd").write_text(f"{known}{USER}:x:{USER_ID}:{USER_ID}::/home/{USER}:/bin/sh\n")
    shadow = folder / "shadow"
    shadow.write_text(f"root:*:19000::::::\n{USER}:*:19000::::::\n")
    shadow.chmod(0o600)
    lines = Path("/etc/group").read_text(encoding="utf-8").splitlines()
    have = {line.partition(":")[0] for line in lines}
    lines += [
        f"{group}:x:{USER_ID + 1 + n}:" for n, group in enumerate(GROUPS) if group not in have
    ]
    lines = [_joined(line) if line.partition(":")[0] in GROUPS else line for line in lines]
    (folder / "group").write_text("\n".join([*lines, f"{USER}:x:{USER_ID}:", ""]))


def _joined(group: str) -> str:
    """The line of a group with our user as a member."""
    return f"{group}{'' if group.endswith(':') else ','}{USER}"
