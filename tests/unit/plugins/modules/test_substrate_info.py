"""substrate_info as Ansible runs it, on a host without Docker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


def test_a_host_without_docker(run_module: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run_module("substrate_info", {"substrate": "docker"})
    assert result["failed"]
    assert result["msg"].startswith("docker: Docker is not installed on this host. Remedy: install Docker 28 or newer")


def test_a_substrate_that_is_not_known(run_module: Run) -> None:
    assert "value of substrate must be one of: batch, docker" in run_module("substrate_info", {"substrate": "x"})["msg"]
