"""Runs a module as Ansible would, in this process."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run_module("image_info", {options}, check=True)`` gives the module's result."""

    def run(name: str, options: dict[str, Any], check: bool = False) -> dict[str, Any]:
        (tmp_path / "remote").mkdir(exist_ok=True)
        common = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": str(tmp_path / "remote")}
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **common}}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", arguments)
        # Newer ansible-cores tell how values are written.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        module = importlib.import_module(f"ansible_collections.gaia_data.vre.plugins.modules.{name}")
        with pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run
