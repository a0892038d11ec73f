"""The oldest ansible-core that we promise, on the centre that the newest one deployed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

from gaia_lab.playbook import oldest_core, play

CENTRE = Path(os.environ["GAIA_LAB_STATE"]) / "inventory"
# tools/setup says so where no Python here can run it.
PLAYBOOKS = ["lock", "deploy", "verify"] if (Path(os.environ["GAIA_VRE_ROOT"]) / "build/venv-oldest").exists() else []


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_the_oldest_core_finds_the_same_and_changes_nothing(name: str) -> None:
    said = subprocess.run(
        ["ansible-playbook", "--version"],
        env={**os.environ, **oldest_core()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[core 2.18." in said.stdout
    done = play(CENTRE, name, environment=oldest_core())
    assert (done.code, done.changed) == (0, 0), done.text[-3000:]
    assert "[DEPRECATION" not in done.text


@pytest.mark.parametrize("name", ["publish"] if PLAYBOOKS else [])
def test_the_oldest_core_brings_what_is_missing(host: Host, name: str) -> None:
    image = host.check_output("docker image ls --digests --format '{{.Repository}}@{{.Digest}}' | grep /vre/geo@")
    host.check_output(f"docker image rm {image}")
    done = play(CENTRE, name, environment=oldest_core())
    assert done.code == 0, done.text[-3000:]
    assert "1 brought: registry.example.org/vre/geo" in done.text
    assert "[DEPRECATION" not in done.text
