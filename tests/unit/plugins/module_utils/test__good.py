"""What is kept comes back as it was."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _good
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a file, a file, a link; kept in good.tar."""
    (tmp_path / "hub-1").mkdir()
    (tmp_path / "hub-1/python").touch()
    (tmp_path / "hub-2").mkdir()
    (tmp_path / "hub").symlink_to("hub-1")
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets/token").write_text("abc")
    (tmp_path / "secrets/token").chmod(0o600)
    (tmp_path / "config.py").write_text("a = 1\n")
    paths = [str(tmp_path / name) for name in ("hub", "secrets", "config.py", "absent")]
    _good.keep(tmp_path / "good.tar", paths)
    return tmp_path


def test_only_its_owner_may_read_it(kept: Path) -> None:
    assert (kept / "good.tar").stat().st_mode & 0o777 == 0o600
    assert not (kept / "good.tar.partial").exists()


def test_everything_comes_back_and_nothing_is_added(kept: Path) -> None:
    before = sorted(kept.iterdir())
    (kept / "hub").unlink()
    (kept / "hub").symlink_to("hub-2")
    (kept / "secrets/token").write_text("changed")
    (kept / "secrets/new").touch()
    (kept / "config.py").unlink()
    _good.put_back(kept / "good.tar")
    assert (kept / "hub").readlink() == Path("hub-1")
    assert (kept / "config.py").read_text() == "a = 1\n"
    assert {path.name: path.read_text() for path in (kept / "secrets").iterdir()} == {"token": "abc"}
    assert (kept / "secrets/token").stat().st_mode & 0o777 == 0o600
    assert sorted(kept.iterdir()) == before


def test_what_was_not_there_when_it_was_kept_is_left_alone(kept: Path) -> None:
    (kept / "absent").write_text("later")
    _good.put_back(kept / "good.tar")
    assert (kept / "absent").read_text() == "later"


def test_it_comes_back_with_a_python_that_knows_no_filters(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian 12's does not."""
    present = tarfile.TarFile.extractall

    def former(self: tarfile.TarFile, path: Path, members: list[tarfile.TarInfo]) -> None:
        present(self, path, members)

    monkeypatch.setattr(tarfile.TarFile, "extractall", former)
    (kept / "secrets/token").write_text("changed")
    _good.put_back(kept / "good.tar")
    assert (kept / "secrets/token").read_text() == "abc"


def test_one_that_is_cut_off_is_told(kept: Path) -> None:
    archive = kept / "good.tar"
    archive.write_bytes(archive.read_bytes()[:700])
    with pytest.raises(VreError, match="cannot be read"):
        _good.put_back(archive)


def test_whether_it_holds_what_is_there(kept: Path) -> None:
    archive, paths = kept / "good.tar", [str(kept / name) for name in ("hub", "secrets", "config.py", "absent")]
    assert _good.holds(archive, paths)
    (kept / "config.py").write_text("a = 2\n")
    assert not _good.holds(archive, paths)
    (kept / "config.py").write_text("a = 1\n")
    (kept / "secrets/new").touch()
    assert not _good.holds(archive, paths)
    (kept / "secrets/new").unlink()
    assert _good.holds(archive, paths)
    (kept / "hub").unlink()
    (kept / "hub").symlink_to("hub-2")
    assert not _good.holds(archive, paths)
    archive.write_bytes(archive.read_bytes()[:700])
    assert not _good.holds(archive, paths)
    assert not _good.holds(kept / "none.tar", paths)


def test_names_below_others_are_no_tops() -> None:
    assert _good._tops(["a/b", "a/b-c", "a/b/d", "a/b.d/e"]) == ["a/b", "a/b-c", "a/b.d/e"]
