"""What may happen to a store that hosts share: it cannot be written, is full, is left half way, belongs to two hubs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab import adhoc
from gaia_lab.adhoc import result
from gaia_lab.centre import CENTRE, run
from gaia_lab.client import HubClient
from gaia_lab.remote import on

HUB = "hub.example.org"
STORE, SECOND, SMALL = "/shared/gaia-vre", "/shared/second", "/mnt/small"
TINY = "registry.example.org/tiny/tiny000"


def offered(host: Host, image: str) -> str:
    """The reference of an image that is on offer."""
    manifest: Any = json.loads(host.check_output("cat /etc/gaia-vre/manifest.json"))
    return str(manifest["images"][image]["offered"]["reference"])


def staging(reference: str, folder: str) -> subprocess.Popen[str]:
    """An image begins to come into a store."""
    options = {"store": folder, "format": "squashfs", "images": [{"reference": reference}]}
    return adhoc.module(CENTRE, HUB, "image_store", {**options, "authfile": "/etc/gaia-vre/docker/config.json"})


def file_of(reference: str, folder: str = STORE) -> str:
    """Where an image is in a store."""
    return f"{folder}/{reference.partition('@sha256:')[2]}.squashfs"


@pytest.fixture
def second(host: Host) -> Iterator[str]:
    """Another store on the shared file system, empty."""
    host.check_output(f"mkdir {SECOND}")
    yield SECOND
    host.check_output(f"rm -r {SECOND}")


def test_a_store_that_cannot_be_written_holds_no_session(host: Host, alice: HubClient) -> None:
    file = file_of(offered(host, "ocean"))
    sum_before = host.check_output(f"sha256sum {file}")
    host.check_output(f"truncate --size=-4096 {file}")
    host.check_output(f"mount --bind {STORE} {STORE} && mount -o remount,ro,bind {STORE}")
    try:
        told = run("publish", fails=True)
        alice.start({"choice": "free", "system": "lab", "business": ["atmosphere"]})
        alice.stop()
    finally:
        host.check_output(f"umount {STORE}")
    assert "images_store_dir: the store cannot be written: Read-only file system" in told.text, told.text[-3000:]
    assert result(staging(offered(host, "ocean"), STORE))["changed"]
    assert host.check_output(f"sha256sum {file}") == sum_before


def test_a_full_store_leaves_nothing_half_written(host: Host) -> None:
    ocean = offered(host, "ocean")
    size = int(host.check_output(f"stat --format=%s {file_of(ocean)}"))
    host.check_output(f"mkdir -p {SMALL} && mount -t tmpfs -o size={size * 3 // 2} small {SMALL}")
    try:
        told = result(staging(ocean, f"{SMALL}/store"))
        left = host.check_output(f"ls -A {SMALL}/store").split()
    finally:
        host.check_output(f"umount {SMALL}")
    assert f"images_store_dir: the disk of the store is full (got '{SMALL}/store')" in told["msg"], told
    assert "Remedy: run gaia_data.vre.clean" in told["msg"]
    assert left == [".lock", "blobs"]


def partial(host: Host, folder: str) -> None:
    """Wait until an image begins to be written."""
    host.check_output(f"timeout 30 sh -c 'until ls -d {folder}/.partial-*; do sleep 0.02; done' 2>/dev/null")


def test_a_registry_that_goes_away_while_an_image_comes_is_told_at_once(host: Host, second: str) -> None:
    ocean = offered(host, "ocean")
    on("registry", "systemctl kill --signal=STOP docker-registry")
    try:
        process = staging(ocean, second)
        partial(host, second)
        on("registry", "systemctl kill --signal=KILL docker-registry && systemctl stop docker-registry")
        started = time.monotonic()
        told = result(process)
        assert time.monotonic() - started < 30
    finally:
        on("registry", "systemctl start docker-registry")
    assert told["problems"][0]["image"] == ocean, told
    assert "could not be brought: " in told["problems"][0]["text"]
    assert host.check_output(f"ls -A {second}").split() == [".lock", "blobs"]
    assert result(staging(ocean, second))["changed"]
    assert host.check_output(f"cmp {file_of(ocean, second)} {file_of(ocean)}") == ""


def test_a_play_that_is_killed_while_it_writes_is_made_good_by_the_next(host: Host, second: str) -> None:
    ocean = offered(host, "ocean")
    process = staging(ocean, second)
    partial(host, second)
    holder = f"find /proc -maxdepth 3 -path '/proc/*/fd/*' -lname {second}/.lock 2>/dev/null | cut -d/ -f3 | sort -u"
    host.check_output(f"kill -KILL $({holder})")
    process.communicate()
    assert process.returncode != 0
    assert host.check_output(f"ls -d {second}/.partial-*")
    assert host.check_output(f"ls {second}") == "blobs", "nothing has its name before it is whole"
    assert result(staging(ocean, second))["changed"]
    assert host.check_output(f"cmp {file_of(ocean, second)} {file_of(ocean)}") == ""
    assert host.check_output(f"ls -A {second} | grep partial || true") == ""


def test_two_publishes_at_once_both_end_well(host: Host) -> None:
    file = file_of(offered(host, "ocean"))
    before = host.check_output(f"sha256sum {file}")
    host.check_output(f"rm {file}")
    with ThreadPoolExecutor(2) as pool:
        both = [done.result() for done in [pool.submit(run, "publish") for _play in range(2)]]
    assert sum(done.changed or 0 for done in both) >= 1
    assert host.check_output(f"sha256sum {file}") == before


def test_clean_leaves_what_another_hub_keeps_and_says_whose_it_is(host: Host) -> None:
    """Both bring the same image at once; a hub that does not say what it keeps stops the cleaning of the other."""
    digest = host.check_output(
        f"skopeo inspect --authfile /etc/gaia-vre/docker/config.json --format '{{{{.Digest}}}}' docker://{TINY}:1"
    )
    image = {"kind": "business", "reference": f"{TINY}:1", "digest": digest, "mount_path": "/opt/gaia/tiny000"}
    image |= {"environments": {}, "platforms": {"linux/amd64": {"digest": digest, "size": 1}}}
    lock = {"version": 1, "images": {"tiny000": image}}
    folder, file = f"{STORE}/bin/gaia-vre-second", file_of(f"{TINY}@{digest}")
    host.check_output(f"mkdir {folder}")
    try:
        both = [staging(f"{TINY}@{digest}", STORE) for _hub in range(2)]
        assert [result(process).get("failed", False) for process in both] == [False, False]
        refused = run("clean", fails=True)
        assert f"{folder}: another hub uses the store and does not say what it keeps" in refused.text
        options = {"store": STORE, "hub": "gaia-vre-second", "address": "https://second.example.org", "lock": lock}
        options["manifest"] = "/nonexistent/manifest.json"
        assert result(adhoc.module(CENTRE, HUB, "store_keep", options))["kept"] == [digest]
        done = run("clean")
        assert f"https://second.example.org keeps: {file}" in done.text, done.text[-3000:]
        assert host.file(file).exists
    finally:
        host.check_output(f"rm -r {folder}")
    assert "1 image(s) gone" in run("clean").text
    assert not host.file(file).exists
