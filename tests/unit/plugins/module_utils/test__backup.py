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
    _backup.append(archive, home, "homes/home-alice/", ".")
    with tarfile.open(archive) as tar:
        found = {member.name: member for member in tar}
    assert {"homes/home-alice/deep/work.txt", "homes/home-alice/link.txt"} <= set(found)
    assert found["homes/home-alice/link.txt"].linkname == "./deep/work.txt"
    hard = [member for member in found.values() if member.islnk()]
    assert [member.linkname.startswith("homes/home-alice/") for member in hard] == [True]


def test_a_home_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(VreError, match="cannot be read"):
        _backup.append(tmp_path / "all.tar", tmp_path / "none", "homes/x/", ".")
