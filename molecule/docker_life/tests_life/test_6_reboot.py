"""The host loses its power: what is to run runs again, without anybody's help."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import requests
from testinfra.host import Host

from gaia_lab.centre import STATE, run
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
LAB = Path(__file__).resolve().parents[2] / "lab/lab"
SOON = 60  # seconds


def test_everything_comes_back(host: Host) -> None:
    ssh = ["ssh", "-F", str(STATE / "ssh_config"), "hub.example.org"]
    booted = "systemctl show --value --property=UserspaceTimestamp"
    before = host.check_output(booted)
    subprocess.run([*ssh, "systemctl --force --force poweroff"], check=False, timeout=60)  # the connection ends with it
    subprocess.run([str(LAB), "up", "docker", "--name", os.environ["GAIA_LAB_NAME"]], check=True)
    assert (
        subprocess.check_output([*ssh, "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1"], text=True) != before
    )

    alice = lab_client("alice")
    end = time.monotonic() + SOON
    while not _answers(alice.url, alice.ca_file):
        assert time.monotonic() < end
        time.sleep(1)
    alice.login()
    alice.stop()  # her session ended with the host; the hub may not have seen it yet
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    home = "import pathlib; print((pathlib.Path.home() / 'work.txt').read_text())"
    assert alice.run(OCEAN, home).stdout.strip() == "mine"
    assert run().changed == 0


def _answers(url: str, ca_file: str | None) -> bool:
    try:
        return requests.get(f"{url}/hub/health", verify=ca_file, timeout=5).ok
    except requests.RequestException:
        return False
