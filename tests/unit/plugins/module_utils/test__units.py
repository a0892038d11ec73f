"""What a service read when it started against what is there now."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _units


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "hub.d").mkdir()
    (tmp_path / "hub.d/10.py").write_text("a = 1\n")
    (tmp_path / "config.py").write_text("b = 2\n")
    (tmp_path / "link.py").symlink_to("config.py")
    return tmp_path


def reads(files: Path) -> list[str]:
    return [f"{files}/config.py", f"{files}/hub.d", f"{files}/link.py", f"{files}/absent"]


def test_the_record_of_a_unit_and_a_look_agree(files: Path) -> None:
    """The command is the one of the units' templates."""
    record = files.parent / "record"
    command = f"find {' '.join(reads(files))} -type f -exec sha256sum {{}} + >{record} 2>/dev/null; true"
    subprocess.run(["sh", "-c", command], check=True)
    assert _units.recorded(record) == _units.sums(reads(files))
    assert len(_units.sums(reads(files))) == 2


def test_touching_is_no_change(files: Path) -> None:
    before = _units.sums(reads(files))
    os.utime(files / "config.py")
    assert _units.why_stale(_units.sums(reads(files)), before) == ""


def test_a_changed_a_new_and_a_removed_file_are_told(files: Path) -> None:
    before = _units.sums(reads(files))
    (files / "config.py").write_text("b = 3\n")
    assert _units.why_stale(_units.sums(reads(files)), before) == f"{files}/config.py changed"
    (files / "hub.d/20.py").touch()
    (files / "hub.d/10.py").unlink()
    assert _units.why_stale(_units.sums(reads(files)), before) == f"{files}/config.py and 2 more changed"


def test_without_a_record_it_starts_again(files: Path) -> None:
    assert _units.recorded(files / "none") is None
    assert _units.why_stale(_units.sums(reads(files)), None)


def test_a_program_that_is_not_there() -> None:
    assert _units.run(["/nowhere/at-all"]).code == 127
