"""A lab's network: a router namespace with a bridge, a namespace a host, and a way to the outside.

Nothing of the build host's own network is changed but one veth that reaches the lab's subnet.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gaia_lab import process
from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError

DNS = "10.0.2.3"  # slirp4netns' own resolver
# The way out is slirp4netns, which reaches all that this machine does: other labs too, were it not for the reject.
RULES = """flush ruleset
table ip lab {
  chain forward {
    type filter hook forward priority filter;
    oifname "tap0" ip daddr 10.99.0.0/16 reject
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "tap0" masquerade
  }
}
"""


@contextmanager
def allotment() -> Iterator[None]:
    """Hold what of this machine all labs share, whichever cache they live in: subnets and /run/netns."""
    # A lock on the folder itself: it needs no file that somebody would have to remove.
    folder = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def taken_indexes() -> set[int]:
    """Subnets 10.99.N.0/24 in use on this machine, whichever cache their lab lives in."""
    found = {int(name[1]) for name in (re.match(r"gv(\d+)-", space) for space in _namespaces()) if name}
    for link in json.loads(run("ip", "-j", "-4", "addr")):
        for address in link.get("addr_info", []):
            parts = address["local"].split(".")
            if parts[:2] == ["10", "99"]:
                found.add(int(parts[2]))
    return found


def _namespaces() -> set[str]:
    return {line.split()[0] for line in run("ip", "netns", "list").splitlines() if line.strip()}


def free_index(taken: set[int]) -> int:
    """The lowest N in 1…250 whose subnet is free."""
    for index in range(1, 251):
        if index not in taken:
            return index
    raise LabError("no free subnet 10.99.N.0/24: 250 labs are up; remove some with `lab down`")


@dataclass(frozen=True)
class Network:
    """The network of lab number ``index``; its files lie in ``folder``."""

    index: int
    folder: Path

    @property
    def router(self) -> str:
        """Name of the router's network namespace."""
        return f"gv{self.index}-router"

    @property
    def link(self) -> str:
        """Name of the interface by which the build host reaches the lab."""
        return f"gv{self.index}"

    @property
    def slirp(self) -> Path:
        """The record of the process that connects the router to the outside."""
        return self.folder / "slirp.pid"

    def namespace(self, host: str) -> str:
        """Name of a host's network namespace."""
        return f"gv{self.index}-{host}"

    def address(self, last: int) -> str:
        """Address in the lab's subnet."""
        return f"10.99.{self.index}.{last}"

    def up(self) -> None:
        """Make the router, its bridge and the way out; what is there stays, what is half made is made anew."""
        # The address on our end is the last step: with it, all the others are done.
        if not succeeds(["sh", "-c", f"ip -o -4 addr show dev {self.link} up | grep -q {self.address(254)}/"]):
            say(f"network {self.address(0)}/24")
            self._make_router()
        if process.recorded(self.slirp) is None:
            process.spawn(
                self.slirp,
                self.folder / "slirp.log",
                [
                    "slirp4netns",
                    "--configure",
                    "--mtu=1500",
                    "--disable-host-loopback",
                    "--netns-type=path",
                    f"/run/netns/{self.router}",
                    "tap0",
                ],
            )

    def _make_router(self) -> None:
        succeeds(["ip", "link", "del", self.link])
        if self.router not in _namespaces():
            run("ip", "netns", "add", self.router)
        r = ("ip", "-n", self.router)
        succeeds([*r, "link", "del", "br0"])
        run(*r, "link", "set", "lo", "up")
        run(*r, "link", "add", "br0", "type", "bridge")
        run(*r, "addr", "add", f"{self.address(1)}/24", "dev", "br0")
        run(*r, "link", "set", "br0", "up")
        run("ip", "netns", "exec", self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("ip", "netns", "exec", self.router, "nft", "-f", "-", stdin=RULES)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "build", "netns", self.router)
        run(*r, "link", "set", "build", "master", "br0", "up")
        run("ip", "link", "set", self.link, "up")
        run("ip", "addr", "add", f"{self.address(254)}/24", "dev", self.link)

    def connect(self, host: str, addresses: list[int]) -> None:
        """Make a host's namespace with its interface ``eth0``; one that exists is made anew."""
        space, port = self.namespace(host), f"p{addresses[0]}"
        self.disconnect(host)
        succeeds(["ip", "-n", self.router, "link", "del", port])
        run("ip", "netns", "add", space)
        h = ("ip", "-n", space)
        # A fixed MAC by address: a host that comes again under its address meets no stale neighbour entry.
        mac = f"02:99:{self.index:02x}:00:00:{addresses[0]:02x}"
        run(
            "ip",
            "link",
            "add",
            "eth0",
            "address",
            mac,
            "netns",
            space,
            "type",
            "veth",
            "peer",
            "name",
            port,
            "netns",
            self.router,
        )
        run("ip", "-n", self.router, "link", "set", port, "master", "br0", "up")
        run(*h, "link", "set", "lo", "up")
        for last in addresses:
            run(*h, "addr", "add", f"{self.address(last)}/24", "dev", "eth0")
        run(*h, "link", "set", "eth0", "up")
        run(*h, "route", "add", "default", "via", self.address(1))

    def disconnect(self, host: str) -> None:
        """Remove a host's namespace, if it has one."""
        if self.namespace(host) in _namespaces():
            run("ip", "netns", "del", self.namespace(host))

    def down(self) -> None:
        """Remove everything that ``up`` and ``connect`` made."""
        process.end(self.slirp, "slirp4netns")
        succeeds(["ip", "link", "del", self.link])
        for name in _namespaces():
            if name.startswith(f"gv{self.index}-"):
                for pid in run("ip", "netns", "pids", name).split():
                    succeeds(["kill", "-KILL", pid])
                run("ip", "netns", "del", name)
        _tidy()


def _tidy() -> None:
    """Remove the folder that `ip netns` keeps mounted, when no namespace of anybody is left in it."""
    folder = Path("/run/netns")
    if folder.is_dir() and not any(folder.iterdir()):
        succeeds(["umount", str(folder)])
        with contextlib.suppress(OSError):
            folder.rmdir()
