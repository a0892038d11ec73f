"""The lab itself, booted: two at once do not meet, and nothing is left of one, however it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gaia_lab import process
from gaia_lab.booted import traces
from gaia_lab.paths import lab_dir

ROOT = Path(__file__).resolve().parents[2]
LAB = str(ROOT / "molecule/lab/lab")
SPEC = "host"  # one plain host: needs no image
ONE, TWO = (f"test{os.getpid()}{letter}" for letter in "ab")


def lab(*words: str, code: int = 0) -> str:
    """What the command ``lab`` printed, on both streams."""
    done = subprocess.run(
        [LAB, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def state(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lab_dir(name) / "lab.json").read_text())
    return found


def hub(name: str) -> str:
    address: str = state(name)["hosts"]["hub.example.org"]["address"]
    return address


@pytest.fixture(autouse=True, scope="module")
def _nothing_stays() -> Iterator[None]:
    yield
    lab("down", ONE, TWO)


def test_two_labs_do_not_meet() -> None:
    lab("up", SPEC, "--name", ONE)
    lab("up", SPEC, "--name", TWO)
    one, two = state(ONE), state(TWO)
    assert one["subnet"] != two["subnet"]
    assert one["users"]["alice"]["password"] != two["users"]["alice"]["password"]
    for name, own, other in ((ONE, hub(ONE), hub(TWO)), (TWO, hub(TWO), hub(ONE))):
        reach = "timeout 5 bash -c 'echo >/dev/tcp/{}/22' 2>/dev/null && echo reached || echo refused"
        assert lab("ssh", "--name", name, "hub", reach.format(own)).strip() == "reached"
        assert lab("ssh", "--name", name, "hub", reach.format(other)).strip() == "refused"
        assert own in lab("run", "--name", name, "--", "getent", "hosts", "hub.example.org")
    assert "example.org" not in Path("/etc/hosts").read_text()


def test_up_again_is_quick_and_says_so() -> None:
    started = time.monotonic()
    assert f"lab {ONE}: hub.example.org was up already" in lab("up", SPEC, "--name", ONE)
    assert time.monotonic() - started < 5


def test_ansible_reaches_the_host() -> None:
    words = ("ansible", "-i", "hub.example.org,", "all", "-m", "ansible.builtin.command", "-a", "hostname")
    assert "hub.example.org | CHANGED" in lab("run", "--name", ONE, "--", *words)


def test_the_host_runs_and_reaches_the_outside() -> None:
    assert lab("ssh", "--name", ONE, "hub", "systemctl is-system-running").strip() == "running"
    lab("ssh", "--name", ONE, "hub", "apt-get -qq update")


def test_users() -> None:
    groups = lab("ssh", "--name", ONE, "hub", "id -Gn alice; id -Gn bob; id -Gn admin").splitlines()
    assert [line.split()[-1] for line in groups] == ["oceanographers", "coast", "vre-admins"]


@pytest.mark.parametrize("victim", ["systemd-nspawn", "PID 1"])
def test_a_host_that_was_killed_comes_back(victim: str) -> None:
    nspawn = process.recorded(lab_dir(ONE) / "hosts/hub/nspawn.pid")
    assert nspawn
    pid = nspawn if victim == "systemd-nspawn" else process.children(nspawn)[0]
    lab("ssh", "--name", ONE, "hub", "echo kept > /root/kept; sync")
    os.kill(pid, signal.SIGKILL)
    lab("up", SPEC, "--name", ONE)
    assert lab("ssh", "--name", ONE, "hub", "cat /root/kept").strip() == "kept"


@pytest.mark.parametrize("victim", ["nobody", "systemd-nspawn", "slirp4netns"])
def test_down_leaves_nothing(victim: str) -> None:
    lab("up", SPEC, "--name", ONE)
    index, folder = state(ONE)["index"], lab_dir(ONE)
    assert traces(folder, index)
    files = {"systemd-nspawn": "hosts/hub/nspawn.pid", "slirp4netns": "slirp.pid"}
    if victim in files:
        pid = process.recorded(folder / files[victim])
        assert pid
        os.kill(pid, signal.SIGKILL)
    lab("down", ONE)
    assert traces(folder, index) == []
    assert lab("ssh", "--name", TWO, "hub", "hostname").strip() == "hub.example.org", "the other lab is as it was"


@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.7, 0.9, 1.1, 1.4, 1.8])
def test_nothing_is_left_of_a_lab_that_was_killed_while_it_booted(seconds: float) -> None:
    folder = lab_dir(ONE)
    # Not through the shim: the signal is for Python itself.
    words = ["python", "-m", "gaia_lab", "up", SPEC, "--name", ONE]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
        time.sleep(seconds)
        command.kill()
    index = state(ONE)["index"] if (folder / "lab.json").exists() else None
    lab("down", ONE)
    assert traces(folder, index) == []


def test_up_goes_on_where_another_was_killed() -> None:
    with subprocess.Popen(
        ["python", "-m", "gaia_lab", "up", SPEC, "--name", ONE],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        time.sleep(0.9)
        command.kill()
    lab("up", SPEC, "--name", ONE)
    assert lab("ssh", "--name", ONE, "hub", "systemctl is-system-running").strip() == "running"


def test_a_wrong_name_is_told() -> None:
    assert "no lab nobody" in lab("ssh", "--name", "nobody", "hub", code=1)
    assert "no spec nothing; known: " in lab("up", "nothing", code=1)
    assert "is up from another spec" in lab("up", "plain", "--name", TWO, code=1)
