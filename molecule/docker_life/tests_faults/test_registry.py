"""The registry fails, refuses, or says something else than before: what is staged goes on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

from gaia_lab.client import HubClient
from gaia_lab.playbook import Played, play

from .conftest import CENTRE, Work, published

STATE = Path(os.environ["GAIA_LAB_STATE"])
GEO = "registry.example.org/vre/geo"
UNPACKED = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"


def registry(command: str) -> None:
    subprocess.run(["ssh", "-F", STATE / "ssh_config", "registry.example.org", command], check=True)


@pytest.fixture
def no_registry() -> Iterator[None]:
    registry("systemctl stop docker-registry")
    yield
    registry("systemctl start docker-registry")


@pytest.mark.usefixtures("no_registry")
def test_without_registry_sessions_start_and_publish_has_nothing_to_ask(work: Work, bob: HubClient) -> None:
    bob.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
    done = published()
    assert (done.code, done.changed) == (0, 0), done.text[-3000:]
    work.goes_on()


def test_an_image_removed_behind_our_back_is_told_and_publish_brings_it_back(
    host: Host, work: Work, bob: HubClient
) -> None:
    manifest = json.loads(host.file("/etc/gaia-vre/manifest.json").content_string)
    host.check_output(f"docker image rm --force {manifest['images']['geo']['offered']['reference']}")
    answer = bob.post_form({"choice": "free", "system": "lab", "business": ["geo"]})
    assert answer.status_code == 503
    assert "Maps and geodata is not ready on this machine" in answer.text
    assert bob.server() is None

    refused = published(vault_registry_password="expired")
    assert refused.code != 0
    assert "registry registry.example.org refused the login" in refused.text, refused.text[-3000:]
    assert refused.changed == 0
    work.goes_on()

    assert published().code == 0
    bob.start({"choice": "free", "system": "lab", "business": ["geo"]})


@pytest.fixture
def disk_was_full(host: Host) -> Played:
    """A publish that had no room for geo's files; the engine's folder of unpacked layers is as before afterwards."""
    manifest = json.loads(host.file("/etc/gaia-vre/manifest.json").content_string)
    host.check_output(f"docker image rm --force {manifest['images']['geo']['offered']['reference']}")
    host.check_output(f"mount -t tmpfs -o size=4k tmpfs {UNPACKED}")
    try:
        return published()
    finally:
        host.check_output(f"umount {UNPACKED}")


def test_a_full_disk_while_images_are_pulled_is_told(work: Work, bob: HubClient, disk_was_full: Played) -> None:
    assert disk_was_full.code != 0
    assert f"{GEO} could not be pulled: " in disk_was_full.text, disk_was_full.text[-3000:]
    assert "no space left on device" in disk_was_full.text, disk_was_full.text[-3000:]
    work.goes_on()
    assert published().code == 0, "the next one brings it"
    bob.start({"choice": "free", "system": "lab", "business": ["geo"]})


def skopeo(source: str, target: str, password: str, authority: Path) -> None:
    common = ["--preserve-digests", "--src-creds", f"vre:{password}", "--dest-creds", f"vre:{password}"]
    folders = ["--src-cert-dir", str(authority), "--dest-cert-dir", str(authority)]
    subprocess.run(
        ["skopeo", "copy", "--quiet", *common, *folders, f"docker://{source}", f"docker://{target}"], check=True
    )


@pytest.fixture
def moved_tag(tmp_path: Path) -> Iterator[None]:
    """The tag of geo names an image of another content for a while."""
    variables: dict[str, Any] = yaml.safe_load((STATE / "vars.yml").read_text())
    (tmp_path / "ca.crt").write_text(Path(variables["registry_ca_file"]).read_text())
    password = variables["vault_registry_password"]
    locked = yaml.safe_load((CENTRE / "vre.lock.yml").read_text())["images"]["geo"]
    skopeo("registry.example.org/vre/ocean:2026.1", locked["reference"], password, tmp_path)
    yield
    skopeo(f"{GEO}@{locked['digest']}", locked["reference"], password, tmp_path)


@pytest.mark.usefixtures("moved_tag")
def test_a_tag_that_moved_is_told_and_never_followed(work: Work, bob: HubClient) -> None:
    before = (CENTRE / "vre.lock.yml").read_bytes()
    done = play(CENTRE, "lock")
    assert done.code == 0, done.text[-3000:]
    assert f"geo: {GEO}:2026.1 points to sha256:" in done.text, done.text[-3000:]
    assert "Follow it with -e update=geo" in done.text
    assert (CENTRE / "vre.lock.yml").read_bytes() == before
    assert published().changed == 0
    bob.start({"choice": "free", "system": "lab", "business": ["geo"]})
    work.goes_on()
