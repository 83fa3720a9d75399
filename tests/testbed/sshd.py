"""A real private sshd on 127.0.0.1: stopped, restarted, frozen and cut off as a test wants.

What lies in `bin` comes first on the PATH of every login, so that a test can put tools there.
SHLVL keeps bash from reading this user's .bashrc, which it otherwise does under sshd (bash(1)).
"""

import contextlib
import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAM = Path("/usr/sbin/sshd")
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
MaxStartups 500:30:1000
MaxSessions {sessions}
SetEnv PATH={path} SHLVL=1
"""


class Sshd:
    """A running sshd and what a client needs to log in to it as the current user."""

    def __init__(self, folder, sessions=10):
        self.folder = folder
        self.key = folder / "id"
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self.bin = folder / "bin"
        self.user = getpass.getuser()
        self.port = _free_port()
        self.target = f"ssh://{self.user}@127.0.0.1:{self.port}"
        self.process = None
        self._config = folder / "sshd_config"
        self.bin.mkdir()
        path = f"{self.bin}:{os.environ['PATH']}"
        self._config.write_text(
            CONFIG.format(port=self.port, folder=folder, sessions=sessions, path=path)
        )
        _make_key(self.key)
        shutil.copy(self.key.with_suffix(".pub"), folder / "authorized_keys")
        self.change_host_key()
        self.trust()

    def change_host_key(self):
        """A host key of another machine; takes effect with the next `start`."""
        (self.folder / "host_key").unlink(missing_ok=True)
        _make_key(self.folder / "host_key")

    def trust(self):
        """Write the present host key into `known_hosts`."""
        key = (self.folder / "host_key.pub").read_text().rsplit(" ", 1)[0]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key}\n")

    def fingerprint(self):
        """The host key's fingerprint, as `ssh-keygen -l` says it."""
        argv = ["ssh-keygen", "-lf", str(self.folder / "host_key.pub")]
        return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.split()[1]

    def start(self):
        """Begin to listen; returns when it answers."""
        argv = [str(PROGRAM), "-D", "-f", str(self._config), "-E", str(self.log)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "sshd does not answer"
            time.sleep(0.02)

    def stop(self):
        """Listen no more and end every session, as a machine that goes down does."""
        _signal(self.process.pid, signal.SIGSTOP)  # so that no session begins meanwhile
        self.kill_sessions()
        self.process.kill()
        self.process.wait()

    def sessions(self):
        """The processes that serve logins at present."""
        return [pid for pid in _descendants(self.process.pid) if "sshd" in _name(pid)]

    def kill_sessions(self):
        """Cut off everyone who is logged in; new logins are taken."""
        for pid in self.sessions():
            _signal(pid, signal.SIGKILL)

    def freeze(self):
        """Stand still: connections are taken by the kernel, and nobody answers."""
        for pid in (self.process.pid, *self.sessions()):
            _signal(pid, signal.SIGSTOP)

    def thaw(self):
        """Go on after `freeze`."""
        for pid in (self.process.pid, *self.sessions()):
            _signal(pid, signal.SIGCONT)

    def commands(self):
        """The command lines that run for those who are logged in."""
        lines = {pid: _command_line(pid) for pid in _descendants(self.process.pid)}
        return [line for pid, line in lines.items() if line and "sshd" not in _name(pid)]

    def guards(self):
        """The processes that answer the heartbeat of a watcher."""
        return [pid for pid in _descendants(self.process.pid) if "beat=" in _command_line(pid)]

    def wait_until_empty(self):
        """Until nobody is logged in and nothing runs for anybody who was."""
        deadline = time.monotonic() + 60
        while self.commands() or self.sessions():
            assert time.monotonic() < deadline, self.commands()
            time.sleep(0.02)

    def tool(self, name, script):
        """Put a shell script on the PATH of every login."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def missing():
    """Why no sshd can be started here; empty if one can."""
    if not PROGRAM.exists():
        return "sshd is not on this machine"
    if shutil.which("ssh-keygen") is None:
        return "ssh-keygen is not on this machine"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd(8) separates its privileges there
    return ""


def _make_key(path):
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "boxwatch-test", "-f", str(path)]
    path.with_suffix(".pub").unlink(missing_ok=True)
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _free_port():
    """One below those that the kernel gives to clients: nobody gets it before we listen."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _descendants(pid):
    """Every process below `pid`."""
    found = []
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in map(int, children):
            found += [child, *_descendants(child)]
    return found


def _name(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _command_line(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""


def _signal(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
