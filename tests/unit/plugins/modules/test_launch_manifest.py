"""launch_manifest as Ansible runs it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
DIGEST = "sha256:" + "a" * 64
LOCK = {
    "version": 1,
    "images": {
        "lab": {
            "kind": "system",
            "reference": "registry.example.org/vre/lab:1",
            "digest": DIGEST,
            "platforms": {"linux/amd64": {"digest": DIGEST, "size": 1}},
            "version": "1",
            "title": {"en": "Lab"},
        }
    },
}
OPTIONS: dict[str, Any] = {
    "lock": LOCK,
    "offer": {"system": ["lab"], "compositions": {"plain": {"title": "Plain", "system": "lab"}}},
    "centre": {"name": "example"},
    "capabilities": {
        "substrate": "docker",
        "platform": "linux/amd64",
        "cgroup": {},
        "mount_kinds": {"image": {"usable": True, "reason": ""}},
        "mount_kind": "image",
    },
    "mode": "0644",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.json"


def test_written_once_promoted_once(run_module: Run, path: Path) -> None:
    first = run_module("launch_manifest", {**OPTIONS, "path": str(path)})
    assert first["changed"]
    assert (first["candidates"], first["offered"], first["mount_kind"]) == (["lab"], [], "image")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert first["diff"]["before"] == ""
    assert first["diff"]["after"] == path.read_text()
    assert not run_module("launch_manifest", {**OPTIONS, "path": str(path)})["changed"]
    assert run_module("launch_manifest", {"path": str(path), "promote": {"lab": DIGEST}})["offered"] == ["lab"]
    assert not run_module("launch_manifest", {"path": str(path), "promote": {"lab": DIGEST}})["changed"]
    assert not run_module("launch_manifest", {**OPTIONS, "path": str(path)})["changed"]
    assert json.loads(path.read_text())["images"]["lab"]["candidate"] is None


def test_check_mode_writes_nothing(run_module: Run, path: Path) -> None:
    assert run_module("launch_manifest", {**OPTIONS, "path": str(path)}, check=True)["changed"]
    assert not path.exists()


def test_junk_is_made_anew_with_a_note(run_module: Run, path: Path) -> None:
    path.write_text("junk")
    result = run_module("launch_manifest", {**OPTIONS, "path": str(path)})
    assert result["changed"]
    assert any("not usable" in note for note in result["notes"])
    assert result["candidates"] == ["lab"]


@pytest.mark.parametrize("junk", ["junk", "", '{"version": 7}'])
def test_what_was_on_offer_before_junk_stays_on_offer(run_module: Run, path: Path, junk: str) -> None:
    run_module("launch_manifest", {**OPTIONS, "path": str(path)})
    run_module("launch_manifest", {"path": str(path), "promote": {"lab": DIGEST}})
    good = path.read_text()
    path.write_text(junk)
    result = run_module("launch_manifest", {**OPTIONS, "path": str(path)})
    assert any("not usable" in note for note in result["notes"])
    assert (result["candidates"], result["offered"]) == ([], ["lab"])
    assert path.read_text() == good


def test_a_failure_leaves_the_former_manifest(run_module: Run, path: Path) -> None:
    run_module("launch_manifest", {**OPTIONS, "path": str(path)})
    before = path.read_text()
    result = run_module("launch_manifest", {**OPTIONS, "path": str(path), "offer": {"system": ["lap"]}})
    assert result["failed"]
    assert "did you mean lab?" in result["msg"]
    assert path.read_text() == before


def test_promote_without_a_manifest(run_module: Run, path: Path) -> None:
    assert (
        "there is no manifest yet"
        in run_module("launch_manifest", {"path": str(path), "promote": {"lab": DIGEST}})["msg"]
    )


def test_a_folder_that_is_not_there(run_module: Run, tmp_path: Path) -> None:
    result = run_module("launch_manifest", {**OPTIONS, "path": str(tmp_path / "absent/manifest.json")})
    assert "the manifest's folder is not there" in result["msg"]
