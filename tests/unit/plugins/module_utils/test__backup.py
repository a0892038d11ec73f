"""Homes in an archive, with the names that a restore looks for."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _backup
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def test_files_and_links_of_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    (home / "deep/work.txt").write_text("mine")
    (home / "twin.txt").hardlink_to(home / "deep/work.txt")
    (home / "link.txt").symlink_to("./deep/work.txt")
    archive = tmp_path / "all.tar"
    (tmp_path / "none").mkdir()
    _backup.append_homes(archive, tmp_path / "homes", {"home-alice": str(home), "home-bob": str(tmp_path / "none")})
    with tarfile.open(archive) as tar:
        found = {member.name: member for member in tar}
    assert set(found) == {
        "homes/home-alice",
        "homes/home-alice/deep",
        "homes/home-alice/deep/work.txt",
        "homes/home-alice/link.txt",
        "homes/home-alice/twin.txt",
        "homes/home-bob",
    }
    assert found["homes/home-alice/link.txt"].linkname == "./deep/work.txt"
    hard = [member for member in found.values() if member.islnk()]
    assert [member.linkname.startswith("homes/home-alice/") for member in hard] == [True]


def test_a_home_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(VreError, match=r"homes/x/.*No such file"):
        _backup.append_homes(tmp_path / "all.tar", tmp_path / "homes", {"x": str(tmp_path / "none")})
