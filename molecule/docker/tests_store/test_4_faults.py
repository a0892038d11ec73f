"""What may happen to a store: images removed behind our back, a full disk, plays that are killed, two at once."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaia_lab import adhoc
from gaia_lab.adhoc import result
from gaia_lab.centre import Centre, older_lock, shown
from gaia_lab.errors import LabError
from gaia_lab.remote import Pulled

STORE = "/var/lib/gaia-vre-store"
SMALL = "/mnt/small"


def module(unpacking: Centre, name: str, options: dict[str, Any]) -> subprocess.Popen[str]:
    """A module of the collection begins on the centre's host."""
    return adhoc.module(unpacking.folder, f"{unpacking.host}.example.org", name, options)


def store(unpacking: Centre, image: str, folder: str = STORE) -> dict[str, Any]:
    """Options of image_store for an image of the lock."""
    lock = json.loads(unpacking.on("cat /etc/gaia-vre/manifest.json"))["images"][image]["offered"]["reference"]
    return {"store": folder, "images": [{"reference": lock}], "authfile": "/etc/gaia-vre/docker/config.json"}


def entry(unpacking: Centre, image: str, folder: str = STORE) -> Path:
    """Where an image is unpacked."""
    reference = str(store(unpacking, image)["images"][0]["reference"])
    return Path(folder) / reference.partition("@sha256:")[2]


def sum_of(unpacking: Centre, path: Path) -> str:
    """One checksum of names, modes and content of all that is in a folder."""
    return unpacking.on(f"cd {path} && tar c --sort=name --mtime=@0 . | sha256sum")


@pytest.fixture
def small(unpacking: Centre) -> Iterator[str]:
    """A disk of 100 MB, which holds the layers of an image and not the image."""
    unpacking.on(f"mkdir -p {SMALL} && mount -t tmpfs -o size=100M small {SMALL}")
    yield f"{SMALL}/store"
    unpacking.on(f"umount {SMALL}")


def test_an_image_removed_behind_our_back(unpacking: Centre) -> None:
    """A user reads a sentence, publish makes it good from the layers that are there, and nothing is fetched."""
    path = entry(unpacking, "ocean")
    before = sum_of(unpacking, path)
    unpacking.on(f"rm -rf {path}")
    alice = unpacking.client("alice")
    answer = alice.rest({"system": "lab", "business": ["ocean"]})
    assert answer.status_code == 503, answer.text
    assert "Ocean modelling" in answer.json()["message"]
    pulled = Pulled.from_now()
    assert "1 brought: registry.example.org/vre/ocean" in unpacking.play("publish", older=True).text
    assert pulled.blobs() == []
    assert sum_of(unpacking, path) == before
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert shown(alice)[1].endswith(path.name)
    alice.stop()


def test_a_layer_that_is_not_what_it_says_is_fetched_again(unpacking: Centre) -> None:
    path = entry(unpacking, "geo")
    before = sum_of(unpacking, path)
    unpacking.on(f"rm -rf {path}; for blob in {STORE}/blobs/sha256/*; do printf x >> $blob; done")
    pulled = Pulled.from_now()
    told = result(module(unpacking, "image_store", store(unpacking, "geo")))
    assert told["changed"], told
    assert pulled.blobs()
    assert sum_of(unpacking, path) == before


def test_a_full_disk_leaves_nothing_half_written(unpacking: Centre, small: str) -> None:
    told = result(module(unpacking, "image_store", store(unpacking, "ocean", small)))
    assert f"images_store_dir: the disk of the store is full (got '{small}')" in told["msg"], told
    assert "Remedy: run gaia_data.vre.clean" in told["msg"]
    assert unpacking.on(f"ls -A {small}").split() == [".lock", "blobs"]


def test_an_image_that_cannot_be_used_holds_no_other(unpacking: Centre, tmp_path: Path) -> None:
    path = entry(unpacking, "ocean")
    lock = yaml.safe_load(older_lock().read_text())
    lock["images"]["geo"]["subpath"] = "nowhere"
    (tmp_path / "lock.yml").write_text(yaml.safe_dump(lock))
    before = json.loads(unpacking.on("cat /etc/gaia-vre/manifest.json"))
    unpacking.on(f"rm -rf {path}")
    with pytest.raises(LabError) as caught:
        unpacking.play("publish", vre_lock_file=str(tmp_path / "lock.yml"))
    said = str(caught.value)
    assert "registry.example.org/vre/geo could not be unpacked: " in said
    assert "the image has no such folder, or it is a link" in said
    assert "Remedy: correct subpath in the catalogue" in said
    unpacking.on(f"test -d {path}")
    assert json.loads(unpacking.on("cat /etc/gaia-vre/manifest.json")) == before, "what is on offer stays"


def test_a_disk_that_nothing_can_be_run_from(unpacking: Centre, small: str) -> None:
    unpacking.on(f"mount -o remount,noexec {SMALL}")
    told = result(module(unpacking, "substrate_info", {"substrate": "docker", "store": small}))
    directory = told["capabilities"]["mount_kinds"]["directory"]
    assert (directory["usable"], told["capabilities"]["mount_kind"]) == (False, None)
    assert f"programs in {SMALL} cannot be run (noexec). Remedy: set images_store_dir" in directory["reason"]


def test_a_play_that_is_killed_while_it_unpacks_is_run_again(unpacking: Centre) -> None:
    path = entry(unpacking, "ocean")
    before = sum_of(unpacking, path)
    unpacking.on(f"rm -rf {path}")
    process = module(unpacking, "image_store", store(unpacking, "ocean"))
    partial = f"{STORE}/.partial-{path.name}-*/image/envs"
    holder = f"find /proc -maxdepth 3 -path '/proc/*/fd/*' -lname {STORE}/.lock 2>/dev/null | cut -d/ -f3 | sort -u"
    wait = f"timeout 60 sh -c 'until ls -d {partial}; do sleep 0.05; done' 2>/dev/null"
    unpacking.on(f"{wait} && kill -KILL $({holder})")
    process.communicate()
    assert process.returncode != 0
    unpacking.on(f"test ! -e {path} && ls -d {partial}")
    assert result(module(unpacking, "image_store", store(unpacking, "ocean")))["changed"]
    assert sum_of(unpacking, path) == before
    assert unpacking.on(f"ls -A {STORE} | grep partial || true") == ""


def test_two_plays_at_once_do_the_work_once(unpacking: Centre) -> None:
    path = entry(unpacking, "geo")
    before = sum_of(unpacking, path)
    unpacking.on(f"rm -rf {path}")
    started = time.monotonic()
    both = [module(unpacking, "image_store", store(unpacking, "geo")) for _play in range(2)]
    told = [result(process) for process in both]
    assert {one.get("failed", False) for one in told} == {False}, told
    assert time.monotonic() - started < 60
    assert sum_of(unpacking, path) == before
