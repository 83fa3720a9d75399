"""Small hosts: real systemd, journald, sshd and dockerd on a network of their own, in seconds."""

from boxwatch.bench.hosts.cgroups import Group
from boxwatch.bench.hosts.host import Host, Place
from boxwatch.bench.hosts.image import USER
from boxwatch.bench.hosts.site import Site

__all__ = ["USER", "Group", "Host", "Place", "Site"]
