"""Every playbook and every example inventory is read by ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted(path.relative_to(ROOT) for path in (ROOT / "playbooks").glob("*.yml"))
INVENTORIES = sorted(path.name for path in (ROOT / "inventories").glob("example-*"))
PROMISED = {
    "clean",
    "lock",
    "deploy",
    "publish",
    "verify",
    "status",
    "remove",
    "build",
    "maintenance",
    "backup",
    "restore",
}


def ansible(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the ansible-core that runs these tests, strict about what it can't read."""
    environment = os.environ | {
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
    }
    command = [str(Path(sys.prefix) / "bin" / program), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_promised_playbooks_are_there() -> None:
    assert {path.stem for path in PLAYBOOKS} >= PROMISED


def test_there_is_an_example_inventory() -> None:
    assert "example-docker" in INVENTORIES


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=str)
def test_playbook_passes_the_syntax_check(playbook: Path) -> None:
    done = ansible("ansible-playbook", "--syntax-check", "-i", "inventories/example-docker", str(playbook))
    assert done.returncode == 0, done.stderr


def test_an_inventory_without_a_centre_is_told() -> None:
    done = ansible("ansible-playbook", "-i", "localhost,", "playbooks/inventory.yml")
    assert done.returncode == 2, done.stdout
    assert "No host is in the group vre_hubs of this inventory (localhost,). Remedy: " in done.stdout


@pytest.mark.parametrize("playbook", [path for path in PLAYBOOKS if path.stem not in {"build", "inventory"}], ids=str)
def test_playbook_looks_for_a_centre_first(playbook: Path) -> None:
    first = yaml.safe_load((ROOT / playbook).read_text())[0]
    assert first["ansible.builtin.import_playbook"] == "inventory.yml"


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_example_inventory_names_a_hub(inventory: str) -> None:
    done = ansible("ansible-inventory", "-i", f"inventories/{inventory}", "--list")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).get("vre_hubs", {}).get("hosts"), "no host in the group vre_hubs"
