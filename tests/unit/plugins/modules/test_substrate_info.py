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
    assert (
        "value of substrate must be one of: batch, docker, kubernetes"
        in run_module("substrate_info", {"substrate": "x"})["msg"]
    )


def test_a_cluster_is_measured_with_a_system_image(run_module: Run) -> None:
    result = run_module("substrate_info", {"substrate": "kubernetes"})
    assert "all of the following are missing: system_image" in result["msg"]
    options = {"substrate": "kubernetes", "kubeconfig": "/nowhere", "system_image": "registry.example.org/vre/lab:1"}
    assert result["failed"]
    assert "kubernetes_kubeconfig: no access by /nowhere" in run_module("substrate_info", options)["msg"]
