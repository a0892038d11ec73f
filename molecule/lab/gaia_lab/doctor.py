"""What this machine needs to run a lab, and what it lacks, a sentence each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gaia_lab.command import run, say, succeeds
from gaia_lab.errors import LabError
from gaia_lab.paths import cache

PACKAGES = Path(__file__).resolve().parent.parent / "packages.txt"
# Each host has about a dozen, all of one user; Linux allows 128, with which the fifth lab does not boot.
WATCHERS, WATCHERS_FILE = 2048, Path("/proc/sys/fs/inotify/max_user_instances")
ROOT_NEEDED = "The lab boots real systemd hosts, which needs root: run it as root."


def programs() -> dict[str, str]:
    """Debian package by program, from ``packages.txt``."""
    found: dict[str, str] = {}
    for line in PACKAGES.read_text().splitlines():
        if line and not line.startswith("#"):
            program, package = line.split()
            found[program] = package
    return found


def missing_programs() -> dict[str, str]:
    """Debian package by program, of the programs that are not on the PATH."""
    return {program: package for program, package in programs().items() if shutil.which(program) is None}


def missing() -> list[str]:
    """Sentences on what is not there; empty when a lab can run."""
    if os.geteuid() != 0:
        return [ROOT_NEEDED]
    found = [
        f"The program {program} is missing: `apt-get install {package}`, or `lab doctor --install`."
        for program, package in missing_programs().items()
    ]
    if shutil.which("unshare") and not succeeds(["unshare", "--mount", "--net", "--pid", "--fork", "true"]):
        found.append("This machine allows no new mount, network and process namespaces, so no host can boot on it.")
    if watchers() < WATCHERS:
        found.append(
            f"This machine allows {watchers()} inotify instances, with which only a few hosts boot: "
            f"`sysctl fs.inotify.max_user_instances={WATCHERS}`, or `lab doctor --install`."
        )
    if not Path("/dev/net/tun").exists():
        found.append("There is no /dev/net/tun, so lab hosts cannot reach the package registries.")
    if not Path("/dev/fuse").exists():
        found.append("There is no /dev/fuse, so jobs on lab hosts cannot mount images.")
    if not (Path("/sys/fs/cgroup/cgroup.procs").exists() or Path("/sys/fs/cgroup/unified/cgroup.procs").exists()):
        found.append("There is no cgroup v2 hierarchy below /sys/fs/cgroup, so systemd cannot run in a lab host.")
    if shutil.which("stat") and run("stat", "--file-system", "--format=%T", str(cache())).strip() == "overlayfs":
        found.append(
            f"{cache()} lies on an overlay, on which no host can be layered: "
            "set GAIA_VRE_CACHE to a folder on a real disk."
        )
    return found


def watchers() -> int:
    """How many inotify instances a user may have here."""
    return int(WATCHERS_FILE.read_text())


def install() -> None:
    """Install the missing programs by apt-get, and allow as many inotify instances as labs need, until the next boot.

    :raises LabError: without root, without apt-get, or when apt-get fails.
    """
    if os.geteuid() != 0:
        raise LabError(ROOT_NEEDED)
    if watchers() < WATCHERS:
        say(f"allowing {WATCHERS} inotify instances")
        try:
            WATCHERS_FILE.write_text(str(WATCHERS))
        except OSError as error:
            remedy = f"Set it to {WATCHERS} by hand."
            raise LabError(f"{WATCHERS_FILE} cannot be written: {error.strerror}. {remedy}") from error
    packages = sorted(set(missing_programs().values()))
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"There is no apt-get here to install {', '.join(packages)}: install them by hand.")
    say(f"installing {' '.join(packages)}")
    run("apt-get", "-qq", "update")
    noninteractive = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y")
    run(*noninteractive, "--no-install-recommends", *packages)


def require() -> None:
    """Raise with every sentence of :func:`missing`, if there are any."""
    if sentences := missing():
        raise LabError(" ".join(sentences))
