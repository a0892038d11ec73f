"""image_clean as Ansible runs it, on a host without Docker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
LOCK = {"version": 1, "images": {}}


@pytest.mark.parametrize("check", [True, False])
def test_without_an_engine_nothing_is_known_and_nothing_goes(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "store" / ("a" * 64)
    folder.mkdir(parents=True)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"version": 1, "images": {}}))
    options = {"lock": LOCK, "store": str(tmp_path / "store"), "manifest": str(manifest)}
    assert "Docker is not installed on this host" in run_module("image_clean", options, check=check)["msg"]
    assert folder.is_dir()


@pytest.mark.parametrize("length", [4, 64])
def test_where_sessions_are_jobs_no_engine_is_asked(
    run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = tmp_path / "store"
    store.mkdir()
    used, unused = (store / f"{letter * 64}.squashfs" for letter in "ab")
    for path in (used, unused):
        path.write_bytes(b"x" * 5000)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"version": 1, "substrate": "batch", "mount_kind": "squashfs", "images": {}}))
    options = {"lock": LOCK, "store": str(store), "manifest": str(manifest), "jobs": [f"sha256:{'a' * length}"]}
    result = run_module("image_clean", options)
    assert (result["changed"], result["in_use"], list(result["folders"])) == (True, [str(used)], [str(unused)])
    assert used.exists()
    assert not unused.exists()
    assert run_module("image_clean", options)["changed"] is False


def test_without_the_word_of_every_hub_nothing_goes(run_module: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "bin/gaia-vre-b").mkdir(parents=True)
    (store / "bin/gaia-vre-a").mkdir()
    theirs, unused = (store / f"{letter * 64}.squashfs" for letter in "ab")
    for path in (theirs, unused):
        path.write_bytes(b"x")
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"version": 1, "substrate": "batch", "mount_kind": "squashfs", "images": {}}))
    options = {"lock": LOCK, "store": str(store), "manifest": str(manifest), "jobs": [], "hub": "gaia-vre-a"}
    message = run_module("image_clean", options)["msg"]
    assert "bin/gaia-vre-b: another hub uses the store and does not say what it keeps" in message
    assert unused.exists()
    said = {"version": 1, "address": "https://b", "images": [f"sha256:{'a' * 64}"]}
    (store / "bin/gaia-vre-b/kept.json").write_text(json.dumps(said))
    result = run_module("image_clean", options)
    assert (list(result["folders"]), result["kept"]) == ([str(unused)], {"https://b": [str(theirs)]})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"store": "/"}, "images_store_dir: this cannot be the store's folder"),
        ({"lock": {}}, "no lock of a known version"),
        ({"jobs": ["ocean"]}, "this is no digest"),
        ({"jobs": ["sha256:abc"]}, "this is no digest"),
        ({"hub": "../x"}, "this is no name of a hub"),
        ({"manifest": "/nowhere/manifest.json"}, "the manifest cannot be read"),
    ],
)
def test_wrong_options(run_module: Run, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    options = {"lock": LOCK, "store": str(tmp_path / "store"), "manifest": str(tmp_path / "manifest.json"), **changes}
    assert words in run_module("image_clean", options)["msg"]
    assert not (tmp_path / "store").exists()
