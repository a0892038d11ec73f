"""What is kept comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _good


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a file, a file, a link; kept in good.tar."""
    (tmp_path / "hub-1").mkdir()
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
