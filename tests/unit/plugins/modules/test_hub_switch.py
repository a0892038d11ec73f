"""hub_switch as Ansible runs it where no hub runs; the whole of it runs in the scenario docker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "hub").symlink_to("hub-1")
    return {
        "root": str(tmp_path),
        "hub_release": str(tmp_path / "hub-2"),
        "proxy_release": str(tmp_path / "proxy-1"),
        "hub_reads": [],
        "proxy_reads": [],
        "records": str(tmp_path / "run"),
        "settings": str(tmp_path / "settings.json"),
        "health_url": "http://127.0.0.1:1/hub/health",
        "hub_url": "http://hub.example.org",
    }


def test_check_mode_says_what_would_start_and_changes_nothing(
    run_module: Run, options: dict[str, Any], tmp_path: Path
) -> None:
    result = run_module("hub_switch", options, check=True)
    assert result["changed"]
    assert "gaia-vre-hub.service starts again: it does not run" in result["actions"]
    assert result["diff"]["before"] == {"hub": "hub-1", "proxy": "none"}
    assert (tmp_path / "hub").readlink() == Path("hub-1")
    assert not (tmp_path / "good.tar").exists()


def test_settings_that_cannot_be_read_are_told_before_anything_changes(
    run_module: Run, options: dict[str, Any], tmp_path: Path
) -> None:
    result = run_module("hub_switch", options)
    assert result["failed"]
    assert f"{tmp_path}/settings.json: its address cannot be read" in result["msg"]
    assert (tmp_path / "hub").readlink() == Path("hub-1")
