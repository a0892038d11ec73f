"""centre_info as Ansible runs it, on a machine without a centre; the whole of it runs in the scenarios."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _status

Run = Callable[..., dict[str, Any]]


def test_a_manifest_without_sessions(run_module: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(_status, "UNITS", ())  # no systemd here
    pin = {"version": "1", "digest": "sha256:1"}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"version": 1, "images": {"lab": {"offered": pin, "candidate": None}}}))
    result = run_module("centre_info", {"manifest": str(path)}, check=True)
    assert not result["changed"]
    assert result["images"]["lab"]["offered"] == pin
    assert "Offered: lab 1 at sha256:1, not checked yet" in result["report"]


def test_without_a_manifest_the_remedy_is_told(run_module: Run) -> None:
    result = run_module("centre_info", {"manifest": "/nowhere/manifest.json"})
    assert result["failed"]
    assert "Remedy: run deploy or publish" in result["msg"]
