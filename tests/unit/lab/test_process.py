"""Processes are ended by pid and start time: no other that got the same pid."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gaia_lab import cgroup, process
from gaia_lab.errors import LabError


def test_spawned_recorded_ended(tmp_path: Path) -> None:
    file = tmp_path / "x.pid"
    pid = process.spawn(file, tmp_path / "log", ["sh", "-c", "sleep 60 & wait"])
    assert process.recorded(file) == pid
    process.end(file, "sleep")
    assert process.recorded(file) is None
    assert not file.exists()


def test_the_record_is_there_before_the_program_starts(tmp_path: Path) -> None:
    pid = process.spawn(tmp_path / "x.pid", tmp_path / "log", ["cat", str(tmp_path / "x.pid")])
    os.waitid(os.P_PID, pid, os.WEXITED)
    assert (tmp_path / "log").read_text() == (tmp_path / "x.pid").read_text()


@pytest.mark.parametrize("text", ["", "nonsense", f"{os.getpid()} 1", "999999999 5"])
def test_another_process_is_never_ended(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.pid"
    file.write_text(text)
    process.end(file, "another")
    assert process.start_time(os.getpid()) is not None
    assert not file.exists()


def test_no_program_no_process(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        process.spawn(tmp_path / "x.pid", tmp_path / "log", ["/no/such/program"])
    assert process.recorded(tmp_path / "x.pid") is None


def test_a_group_that_is_gone(tmp_path: Path) -> None:
    cgroup.remove(tmp_path / "gone")


def test_a_group_that_stays(tmp_path: Path) -> None:
    (tmp_path / "group").mkdir()
    (tmp_path / "group/file").touch()
    with pytest.raises(LabError, match="do not end"):
        cgroup.remove(tmp_path / "group", patience=0)
