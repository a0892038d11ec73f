"""Processes that the lab started, remembered by pid and start time, so that it ends no other."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from gaia_lab.errors import LabError


def start_time(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot, or None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def record(file: Path, pid: int) -> None:
    """Remember a process in ``file`` as ``pid start_time``."""
    file.write_text(f"{pid} {start_time(pid)}\n")


def recorded(file: Path) -> int | None:
    """The pid in ``file`` while that very process lives, else None."""
    try:
        pid, started = file.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if str(start_time(int(pid))) == started else None


def spawn(file: Path, log: Path, argv: Sequence[str]) -> int:
    """Start a process in a session of its own, log to ``log``, remember it in ``file``.

    The process itself writes the record, before it becomes ``argv``: also when we are killed meanwhile.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
            preexec_fn=lambda: record(file, os.getpid()),  # we have one thread
        )
    process.returncode = 0  # it outlives us: Python shall not wait for it
    return process.pid


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def kill_family(pid: int) -> None:
    """Kill a process and all that it began: Ansible's workers have sessions of their own."""
    family = [pid]
    for member in family:
        family += children(member)
    for member in family:
        _signal(member, signal.SIGKILL)


def end(file: Path, what: str, patience: float = 15) -> None:
    """End the remembered process and its children: TERM, then KILL; forget it when it is gone."""
    pid = recorded(file)
    if pid is not None:
        family = [*children(pid), pid]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for member in family:
                _signal(member, sign)
            if _gone(family, patience if sign is signal.SIGTERM else 10):
                break
        else:
            raise LabError(f"{what} (pid {pid}) does not end, even by SIGKILL")
    file.unlink(missing_ok=True)


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def _gone(pids: Sequence[int], patience: float) -> bool:
    until = time.monotonic() + patience
    while any(start_time(pid) is not None for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
