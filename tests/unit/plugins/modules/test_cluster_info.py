"""cluster_info as Ansible runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., dict[str, Any]]


def test_a_kubeconfig_that_is_not_there(run_module: Run, tmp_path: Path) -> None:
    result = run_module("cluster_info", {"kubeconfig": str(tmp_path / "nowhere")})
    assert result["failed"]
    assert result["msg"].startswith(f"kubernetes_kubeconfig: no access by {tmp_path}/nowhere: ")


def test_a_right_without_its_reason(run_module: Run) -> None:
    result = run_module("cluster_info", {"rights": [{"resources": ["pods"], "verbs": ["get"]}]})
    assert "why" in result["msg"]
