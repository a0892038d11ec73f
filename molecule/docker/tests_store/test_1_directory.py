"""A centre whose engine cannot mount images: the same deploy, the same sessions, publish with a session at work.

The files of this folder build on each other, in the order of their names.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_lab.centre import OCEAN, STATE, Centre, shown
from gaia_lab.errors import LabError
from gaia_lab.remote import Pulled, changed_bytes

ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"


def test_deploy_unpacks_the_images_and_says_why(unpacking: Centre) -> None:
    done = unpacking.play("deploy", older=True)
    assert re.search(r"old\.example\.org: docker 26[^,]*, mount kind directory \(Docker 26.* cannot mount", done.text)
    assert "images are unpacked into /var/lib/gaia-vre-store and mounted from there" in done.text
    assert unpacking.ocean()["offered"]["version"] == "2026.1"
    # Docker got the system image only.
    assert len(unpacking.on("docker image ls --quiet").split()) == 1


def test_again_it_changes_nothing(unpacking: Centre) -> None:
    assert unpacking.play("deploy", older=True).changed == 0


def test_scientists_work_as_where_images_are_mounted(unpacking: Centre) -> None:
    """The tests of what users may and may not do, on this hub."""
    tests = Path(__file__).resolve().parents[1] / "tests/test_user.py"
    name = f"{unpacking.host}.example.org"
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--hosts=ssh://root@{name}"]
    done = subprocess.run(
        [*argv, f"--ssh-config={STATE}/ssh_config", str(tests)],
        env={**os.environ, "GAIA_LAB_HUB_URL": f"https://{name}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]


def test_the_store_is_read_only_to_users_and_nothing_in_it_is_setuid(unpacking: Centre) -> None:
    store = "/var/lib/gaia-vre-store"
    assert unpacking.on(f"find {store} ! -user root -o -perm /7000 -o -perm /022 ! -type l") == ""
    assert (
        unpacking.on(f"find {store} \\( -name blobs -o -name .lock \\) -prune -o ! -perm -444 ! -type l -print") == ""
    )
    assert unpacking.on(f"stat -c %a {store} {store}/blobs").split() == ["755", "700"]


def test_two_images_in_one_session_read_only(unpacking: Centre) -> None:
    alice = unpacking.client("alice")
    alice.start({"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]})
    assert {OCEAN, ATMOSPHERE} <= set(alice.kernelspecs())
    ocean = shown(alice)
    assert ocean[1] == unpacking.ocean()["offered"]["digest"]
    done = alice.run(ATMOSPHERE, "import numpy, sys; print(numpy.__version__, sys.prefix)")
    assert done.stdout.split()[0] != ocean[0], "the two images hold different versions of numpy"
    assert done.stdout.split()[1] == "/opt/gaia/atmosphere/envs/atmosphere"
    for path in ("/opt/gaia/ocean/envs/ocean/new", "/opt/gaia/ocean/new"):
        done = alice.run(OCEAN, f"open('{path}', 'w')")
        assert "Read-only file system" in done.error, done
    mounts = json.loads(unpacking.on("docker inspect --format '{{json .Mounts}}' $(docker ps --quiet)"))
    assert {mount["Type"] for mount in mounts if mount["Destination"].startswith("/opt/gaia")} == {"bind"}


def test_publish_fetches_what_changed_and_ends_no_session(unpacking: Centre) -> None:
    alice = unpacking.client("alice")
    alice.open_session()
    before, sessions = shown(alice), unpacking.sessions()
    former = unpacking.ocean()["offered"]["reference"]
    pulled = Pulled.from_now()
    unpacking.play("publish")
    ocean = unpacking.ocean()
    assert (ocean["offered"]["version"], ocean["retained"][0]["reference"]) == ("2026.2", former)
    fetched = sum(size for _digest, size in pulled.blobs())
    changed = changed_bytes(former, ocean["offered"]["reference"])
    assert 0 < fetched <= 1.05 * changed, f"{fetched} bytes for {changed} that changed"
    assert unpacking.sessions() == sessions
    assert shown(alice) == before
    alice.stop()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    after = shown(alice)
    assert after[1] == ocean["offered"]["digest"] != before[1]
    assert after[0] != before[0]


@pytest.mark.parametrize("kind", ["image", "squashfs"])
def test_a_kind_that_the_host_cannot_do_is_refused(unpacking: Centre, kind: str) -> None:
    with pytest.raises(LabError) as caught:
        unpacking.play("deploy", vre_mount_kind=kind)
    words = {"image": "old.example.org: Docker 26", "squashfs": "docker_mount_kind must be one of"}[kind]
    assert words in str(caught.value)
