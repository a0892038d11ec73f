"""hub_notice as Ansible runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    return str(tmp_path / "manifest.json")


def test_drain_and_off(run_module: Run, manifest: str, tmp_path: Path) -> None:
    drain = {"state": "drain", "text": "Maintenance on Friday.", "manifest": manifest}
    notice = tmp_path / "notice.json"
    assert run_module("hub_notice", drain, check=True)["changed"]
    assert not notice.exists()
    first = run_module("hub_notice", drain)
    assert (first["changed"], first["path"]) == (True, str(notice))
    assert first["diff"]["after"] == notice.read_text()
    assert json.loads(notice.read_text())["drain"]
    assert not run_module("hub_notice", drain)["changed"]
    assert run_module("hub_notice", {"state": "off", "manifest": manifest})["changed"]
    assert not notice.exists()
    assert not run_module("hub_notice", {"state": "off", "manifest": manifest})["changed"]


def test_what_makes_no_sense(run_module: Run, manifest: str) -> None:
    result = run_module("hub_notice", {"state": "drain", "manifest": manifest, "until": "Friday"})
    assert result["failed"]
    assert "2 problems:" in result["msg"]


def test_a_kubeconfig_that_is_not_there(run_module: Run, tmp_path: Path) -> None:
    options = {"state": "off", "config_map": "gaia-vre", "kubeconfig": str(tmp_path / "nowhere")}
    result = run_module("hub_notice", options)
    assert result["failed"]
    assert result["msg"].startswith(f"kubernetes_kubeconfig: no access by {tmp_path}/nowhere: ")
