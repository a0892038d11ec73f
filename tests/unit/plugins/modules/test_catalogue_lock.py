"""catalogue_lock as Ansible runs it. No registry here: what they answer is tried in the lab."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
CATALOGUE = """\
version: 1
images:
  lab: {kind: system, reference: "localhost:1/vre/lab:1"}
  ocean: {kind: busines, reference: ocean}
"""


def options(tmp_path: Path, **more: Any) -> dict[str, Any]:
    (tmp_path / "catalogue.yml").write_text(CATALOGUE)
    return {
        "catalogues": [str(tmp_path / "catalogue.yml")],
        "offer": {"system": ["lab"], "business": ["ocean"], "free_choise": True},
        "lock_file": str(tmp_path / "vre.lock.yml"),
        "registries": {"localhost:1": {"plain_http": True}},
        **more,
    }


def test_catalogue_offer_update_and_registry_are_told_together(run_module: Run, tmp_path: Path) -> None:
    result = run_module("catalogue_lock", options(tmp_path, update=["lap"], platforms=["amd64"]))
    assert result["failed"]
    file = tmp_path / "catalogue.yml"
    for words in (
        f"{file}:4: image ocean: kind must be system or business (got 'busines')",
        f"{file}:4: this is no complete image reference (got 'ocean')",
        "vre_offer.free_choise: unknown key free_choise. Remedy: did you mean free_choice?",
        "update: image lap is not in the offer. Remedy: did you mean lab?",
        "platforms: this is no platform (got 'amd64')",
        "registries: localhost:1: registry localhost:1 does not answer",
    ):
        assert words in result["msg"]
    assert result["msg"].startswith("6 problems:")
    assert not (tmp_path / "vre.lock.yml").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"catalogues": []}, "vre_catalogues: there is no catalogue"),
        ({"catalogues": ["/nowhere.yml"]}, "vre_catalogues: the catalogue cannot be read: No such file or directory"),
        ({"catalogues": ["http://localhost:1/c.yml"], "registries": {}}, "a catalogue is fetched by https only"),
        ({"catalogues": ["https://localhost:1/c.yml"]}, "the catalogue cannot be fetched"),
        ({"catalogues": ["file:///etc/passwd"]}, "a catalogue is fetched by https only"),
        ({"registries": {"localhost:1": {"plain": True}}}, "registries: localhost:1: unknown key plain"),
        ({"lock_file": "/nowhere/vre.lock.yml"}, "lock_file: its folder is not there"),
    ],
)
def test_files_and_addresses(run_module: Run, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    result = run_module("catalogue_lock", options(tmp_path, **changes))
    assert result["failed"]
    assert words in result["msg"]


def test_a_lock_that_somebody_broke(run_module: Run, tmp_path: Path) -> None:
    (tmp_path / "vre.lock.yml").write_text("<<<<<<< HEAD\nversion: 1\n")
    result = run_module("catalogue_lock", options(tmp_path))
    assert f"{tmp_path / 'vre.lock.yml'}:2: this is no YAML" in result["msg"]


def test_a_password_is_not_told(run_module: Run, tmp_path: Path) -> None:
    registries = {"localhost:1": {"plain_http": True, "username": "vre", "password": "s3cret-s3cret"}}
    assert "s3cret" not in str(run_module("catalogue_lock", options(tmp_path, registries=registries)))
