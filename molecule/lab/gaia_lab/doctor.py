"""What this machine needs to run a lab, and what it lacks, a sentence each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError

# Program → Debian package.
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "slirp4netns": "slirp4netns",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "skopeo": "skopeo",
    "bwrap": "bubblewrap",
    "unshare": "util-linux",
}


def missing() -> list[str]:
    """Sentences on what is not there; empty when a lab can run."""
    found: list[str] = []
    if os.geteuid() != 0:
        return ["The lab boots real systemd hosts, which needs root: run it as root."]
    packages = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if packages:
        found.append(f"Programs are missing: run `apt-get install {' '.join(packages)}`, or `lab doctor --install`.")
    if not succeeds(["unshare", "--mount", "--net", "--pid", "--fork", "true"]):
        found.append("This machine allows no new mount, network and process namespaces, so no host can boot on it.")
    if not Path("/dev/net/tun").exists():
        found.append("There is no /dev/net/tun, so lab hosts cannot reach the package registries.")
    if not (Path("/sys/fs/cgroup/cgroup.procs").exists() or Path("/sys/fs/cgroup/unified/cgroup.procs").exists()):
        found.append("There is no cgroup v2 hierarchy below /sys/fs/cgroup, so systemd cannot run in a lab host.")
    return found


def install() -> None:
    """Install the missing programs by apt-get."""
    packages = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if packages:
        say(f"installing {' '.join(packages)}")
        run("apt-get", "-qq", "update")
        run(
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-qq",
            "install",
            "-y",
            "--no-install-recommends",
            *packages,
        )


def require() -> None:
    """Raise with every sentence of :func:`missing`, if there are any."""
    if sentences := missing():
        raise LabError(" ".join(sentences))
