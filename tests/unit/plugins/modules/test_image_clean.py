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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"store": "/"}, "images_store_dir: this cannot be the store's folder"),
        ({"lock": {}}, "no lock of a known version"),
        ({"manifest": "/nowhere/manifest.json"}, "the manifest cannot be read"),
    ],
)
def test_wrong_options(run_module: Run, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    options = {"lock": LOCK, "store": str(tmp_path / "store"), "manifest": str(tmp_path / "manifest.json"), **changes}
    assert words in run_module("image_clean", options)["msg"]
    assert not (tmp_path / "store").exists()
