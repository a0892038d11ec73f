"""Control groups for each host: what is in them is the host's, however it was orphaned."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from gaia_lab.errors import LabError


def unified() -> Path:
    """Where this machine has the unified hierarchy of control groups."""
    found = Path("/sys/fs/cgroup/unified")
    return found if found.is_dir() else Path("/sys/fs/cgroup")


def apart(mounts: str) -> dict[Path, str]:
    """Where a machine has hierarchies of version 1, and what of each: its controllers, or its name.

    None, when the unified hierarchy has all controllers.

    :param mounts: as in ``/proc/mounts``; options that each of them has are no controllers.
    """
    rows = [line.split() for line in mounts.splitlines()]
    found = {Path(where): options.split(",") for _device, where, kind, options, *_rest in rows if kind == "cgroup"}
    plain = {"rw", "nosuid", "nodev", "noexec", "relatime", "xattr", "clone_children"}
    named = {where: ",".join(option for option in options if option not in plain) for where, options in found.items()}
    return {} if all(options.startswith("name=") for options in named.values()) else named


def hierarchies() -> dict[Path, str]:
    """Those of this machine."""
    return apart(Path("/proc/mounts").read_text())


def groups(name: str) -> list[Path]:
    """The groups of that name, there or not; the unified one, in which all processes of a host are, is first."""
    return [parent / name for parent in (unified(), *hierarchies())]


def enter(name: str) -> list[str]:
    """The shell commands by which a shell enters groups of its own, of that name, in all hierarchies of version 1."""
    found: list[str] = []
    for parent, controllers in hierarchies().items():
        group = parent / name
        found.append(f"mkdir -p {group}")
        # A new group of cpuset has no processors, and takes no process until it has.
        if "cpuset" in controllers.split(","):
            found += [f"cat {parent}/cpuset.{what} > {group}/cpuset.{what}" for what in ("cpus", "mems")]
        found.append(f"echo $$ > {group}/cgroup.procs")
    return found


def members(group: Path) -> list[int]:
    """The processes in a group and in those below it."""
    found: list[int] = []
    for folder, _folders, _files in os.walk(group):
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split()]
    return found


def remove(group: Path, patience: float = 10) -> None:
    """End what is in a group, and remove it and those below it.

    :raises LabError: when a process does not end.
    """
    until = time.monotonic() + patience
    while group.is_dir():
        for pid in members(group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for folder, _folders, _files in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if group.is_dir():
            if time.monotonic() > until:
                raise LabError(f"processes {members(group)} in {group} do not end, even by SIGKILL")
            time.sleep(0.02)
