"""Broken images among good ones: a kernel that dies, one that hangs, pulls that fail or take too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.centre import copy_with
from gaia_lab.images import REGISTRY
from gaia_lab.playbook import Played, play
from gaia_lab.session import lab_client

GOOD = [f"tiny{number:03}" for number in range(4)]
Read = Callable[[], Any]


def publish(folder: Path, images: dict[str, str], **variables: Any) -> Played:
    centre = copy_with(folder, images)
    locked = play(centre, "lock")
    assert locked.code == 0, locked.text[-3000:]
    return play(centre, "publish", variables)


def test_what_runs_is_offered_and_what_is_broken_is_told(
    host: Host, tmp_path: Path, manifest: Read, checks: Read
) -> None:
    images = {name: f"{REGISTRY}/tiny/{name}:1" for name in GOOD}
    images |= {name: f"{REGISTRY}/broken/{name}:1" for name in ("dies", "hangs")}
    alice = lab_client("alice")
    alice.login()
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    session = host.check_output("docker ps --quiet --filter name=alice")

    started = time.monotonic()
    done = publish(tmp_path, images, check_timeout=25)
    took = time.monotonic() - started

    assert done.code != 0
    assert "Traceback (most" not in done.text.replace("| Traceback (most", "")  # the kernel's own is wanted
    for word in (
        "dies, conda-env-dies-dies-py: FAILED: the kernel died",
        "| ModuleNotFoundError: No module named 'no_such_module'",
        "hangs, conda-env-hangs-hangs-py: FAILED: the kernel did not answer within 25 s. Remedy: raise check_timeout",
        "2 kernel(s) failed: conda-env-dies-dies-py, conda-env-hangs-hangs-py",
        "dies 1: its check did not pass, not on offer.",
    ):
        assert word in done.text.replace("''", "'"), done.text[-5000:]
    assert "Terminated" not in done.text
    assert took < 240, "one that hangs holds the play no longer than its own time"

    found = manifest()["images"]
    assert all(found[name]["offered"] and not found[name]["candidate"] for name in GOOD)
    assert all(found[name]["candidate"] and not found[name]["offered"] for name in ("dies", "hangs"))
    assert found["ocean"]["offered"], "what was on offer stays"
    results = checks()
    assert all(results[name]["ok"] for name in (*GOOD, "lab")), results
    assert results["dies"]["failed"] == ["conda-env-dies-dies-py"]
    assert "no_such_module" in results["dies"]["error"]
    assert not results["hangs"]["ok"]

    assert host.check_output("docker ps --quiet --filter name=alice") == session != "", "no session ended"
    assert not alice.run("conda-env-ocean-ocean-py", "print(1)").error
    status = play(tmp_path, "status")
    assert (status.code, status.changed) == (0, 0), status.text[-3000:]
    for word in (
        "Candidate: dies 1 at sha256:",
        "check FAILED just now: conda-env-dies-dies-py: ModuleNotFoundError",
        "not on offer",
        "Sessions: 1",
        "alice: own choice, since",
        "Used by 1: ocean 2026.1 at sha256:",
        "JupyterHub 6.",
        "gaia-vre-hub.service active",
        "gaia-vre-verify.timer active",
        "Disk of /var/lib/docker",
    ):
        assert word in status.text, status.text[-5000:]
    alice.stop()


@pytest.fixture
def unreachable(host: Host) -> Iterator[Callable[[str], None]]:
    """Makes the registry unreachable for the hub's host only: at once (``prohibit``) or by silence (``drop``)."""
    address = host.check_output(f"getent hosts {REGISTRY}").split()[0]
    undo: list[str] = []

    def cut(how: str) -> None:
        if how == "prohibit":
            host.check_output(f"ip route add prohibit {address}")
            undo.append(f"ip route del prohibit {address}")
        else:
            host.check_output(f"iptables -I OUTPUT -d {address} -j DROP")
            undo.append(f"iptables -D OUTPUT -d {address} -j DROP")

    yield cut
    for command in undo:
        host.run(command)


def test_a_pull_that_fails_holds_nobody(tmp_path: Path, manifest: Read, unreachable: Any) -> None:
    unreachable("prohibit")
    done = publish(tmp_path, {"tiny010": f"{REGISTRY}/tiny/tiny010:1"})
    assert done.code != 0
    assert f"{REGISTRY}/tiny/tiny010 could not be pulled: " in done.text, done.text[-4000:]
    assert "Remedy: mend what the engine says" in done.text
    assert "tiny010 1 is not on this host (yet): not on offer" in done.text
    found = manifest()["images"]
    assert found["ocean"]["offered"]
    assert (found["tiny010"]["offered"], found["tiny010"]["candidate"]) == (None, None)


def test_a_pull_that_takes_too_long_is_taken_by_the_next_publish(
    host: Host, tmp_path: Path, manifest: Read, unreachable: Any
) -> None:
    name, reference = "tiny011", f"{REGISTRY}/tiny/tiny011:1"
    unreachable("drop")
    done = publish(tmp_path, {name: reference, "tiny000": f"{REGISTRY}/tiny/tiny000:1"}, images_patience=0)
    assert done.code == 0, done.text[-4000:]
    assert f"{reference.rpartition(':')[0]} is still being pulled after 0 min, so it is left out." in done.text
    found = manifest()["images"]
    assert found["tiny000"]["offered"], "the others are offered now"
    assert (found[name]["offered"], found[name]["candidate"]) == (None, None)

    host.check_output("iptables -D OUTPUT 1")
    again = play(tmp_path, "publish")
    assert again.code == 0, again.text[-4000:]
    assert manifest()["images"][name]["offered"]
