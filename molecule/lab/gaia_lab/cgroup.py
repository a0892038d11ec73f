"""A control group for each host: what is in it is the host's, however it was orphaned."""

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
