"""What the doctor says of a machine that cannot run a lab: one sentence each, with the remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gaia_lab import doctor
from gaia_lab.errors import LabError


def test_programs_have_packages() -> None:
    assert doctor.programs()["systemd-nspawn"] == "systemd-container"


def test_missing_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nonexistent")
    sentences = doctor.missing()
    assert "The program mmdebstrap is missing: `apt-get install mmdebstrap`, or `lab doctor --install`." in sentences
    with pytest.raises(LabError, match="install them by hand"):
        doctor.install()


def test_few_inotify_instances(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(doctor, "WATCHERS_FILE", tmp_path / "max")
    doctor.WATCHERS_FILE.write_text("128\n")
    assert any("`sysctl fs.inotify.max_user_instances=2048`, or `lab doctor" in one for one in doctor.missing())
    monkeypatch.setattr(doctor, "missing_programs", dict)
    doctor.install()
    assert doctor.watchers() == 2048
    monkeypatch.setattr(doctor, "WATCHERS_FILE", Path("/proc/sys/kernel/pty/nr"))  # which nobody may write
    with pytest.raises(LabError, match="by hand"):
        doctor.install()


def test_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert doctor.missing() == [doctor.ROOT_NEEDED]
    with pytest.raises(LabError, match="run it as root"):
        doctor.install()
    with pytest.raises(LabError, match="run it as root"):
        doctor.require()
