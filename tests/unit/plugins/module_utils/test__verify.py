"""The check that the hub's host runs: its files are all that it needs, and it speaks in sentences."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
MODULE = "ansible_collections.gaia_data.vre.plugins.module_utils._verify"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the role check puts on the host, and no others."""
    folder = tmp_path_factory.mktemp("lib")
    package = folder / "ansible_collections/gaia_data/vre/plugins/module_utils"
    package.mkdir(parents=True)
    for name in yaml.safe_load((ROOT / "roles/check/vars/main.yml").read_text())["__check_files"]:
        shutil.copy(ROOT / "plugins/module_utils" / name, package)
    # Ansible is where it is on a developer's machine, so it is made unusable here.
    (folder / "ansible.py").write_text("raise ImportError('there is no Ansible on a hub')")
    return folder


def verify(library: Path, folder: Path, manifest: Any) -> subprocess.CompletedProcess[str]:
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "token").write_text("secret-token")
    arguments = ["--hub-url=http://localhost:1", "--user=check", f"--manifest={folder}/manifest.json"]
    arguments += [f"--token-file={folder}/token", f"--results={folder}/results.json"]
    environment = {"PYTHONPATH": str(library), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", MODULE, *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_it_needs_no_ansible(library: Path, tmp_path: Path) -> None:
    done = verify(library, tmp_path, {"images": {}})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "On offer: nothing."


def test_a_hub_that_is_not_there_is_a_sentence(library: Path, tmp_path: Path) -> None:
    offered = {"lab": {"kind": "system", "offered": {"version": "1"}, "candidate": None}}
    done = verify(library, tmp_path, {"images": offered})
    assert done.returncode == 2
    assert "the hub gave no answer" in done.stderr
    assert "Remedy: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret-token" not in done.stderr + done.stdout
    assert not (tmp_path / "results.json").exists()
