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


def controllers() -> list[Path]:
    """Where this machine has controllers in hierarchies of their own (version 1); none where it has only one."""
    folder = Path("/sys/fs/cgroup")
    rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    known = {row[0] for row in rows if row[3] == "1"}
    found = {path.resolve() for path in folder.iterdir() if (path / "cgroup.clone_children").exists()}
    return sorted(path for path in found if set(path.name.split(",")) <= known)


def groups(name: str) -> list[Path]:
    """The groups of that name, there or not; the unified one, in which all processes of a host are, is first."""
    return [parent / name for parent in (unified(), *controllers())]


def enter(name: str) -> list[str]:
    """The shell commands by which a shell enters groups of its own, of that name, in the hierarchies of controllers."""
    found: list[str] = []
    for parent in controllers():
        group = parent / name
        found.append(f"mkdir -p {group}")
        # A new group of cpuset has no processors, and takes no process until it has.
        if "cpuset" in parent.name:
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
