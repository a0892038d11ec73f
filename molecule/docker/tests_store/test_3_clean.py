"""What is staged and not needed goes, and nothing else; alice works with a version that is not retained any more."""

from __future__ import annotations

import json
import re
import time

import pytest

from gaia_lab.centre import Centre, shown
from gaia_lab.client import HubClient

OWN = "example.org/admins/own:1"


def test_what_a_session_uses_stays(centre: Centre, alice: HubClient) -> None:
    used = shown(alice)[1]
    assert centre.ocean()["retained"][0]["digest"] == used
    centre.play("publish", older=True, vre_keep=1)
    assert centre.ocean()["retained"] == []
    done = centre.play("clean", older=True)
    assert done.changed == 0
    assert f"{used}: kept, as a session uses it".removeprefix("sha256:") in done.text, done.text[-2000:]
    assert used in centre.staged()
    assert shown(alice)[1] == used


def test_what_a_stopped_container_may_need_again_stays(centre: Centre, alice: HubClient) -> None:
    used = shown(alice)[1]
    container = centre.on("docker ps --quiet").strip()
    mounts = json.loads(centre.on(f"docker inspect --format '{{{{json .HostConfig.Mounts}}}}' {container}"))
    image = centre.on(f"docker inspect --format '{{{{.Config.Image}}}}' {container}").strip()
    mount = next(one for one in mounts if one["Target"] == "/opt/gaia/ocean")
    option = f"type={mount['Type']},source={mount['Source']},target=/x,readonly"
    option = option if mount["Type"] == "bind" else option.removesuffix(",readonly")
    centre.on(f"docker create --name kept --mount {option} {image} true")
    alice.stop()
    assert centre.play("clean", older=True).changed == 0
    assert used in centre.staged()
    centre.on("docker start --attach kept && docker rm kept")


def test_the_rest_goes_and_what_is_not_ours_stays(centre: Centre) -> None:
    centre.on(f"echo own > /root/own && tar c -C /root own | docker import - {OWN}")
    before = centre.staged()
    disk = "du --summarize --block-size=1000000 --total /var/lib/gaia-vre-store /var/lib/containerd /var/lib/docker"
    used = int(centre.on(disk).split()[-2])
    preview = centre.play("clean", "--check", older=True)
    assert "1 image(s) would go" in preview.text, preview.text[-2000:]
    assert centre.staged() == before
    done = centre.play("clean", older=True)
    told = re.search(r"1 image\(s\) gone, ([0-9.]+) MB are free again", done.text)
    assert told, done.text[-2000:]
    end = time.monotonic() + 30  # the engine removes the folders of what went in the background
    while (freed := used - int(centre.on(disk).split()[-2])) < 0.85 * float(told[1]) and time.monotonic() < end:
        time.sleep(1)
    assert float(told[1]) == pytest.approx(freed, rel=0.15), "the bytes that are told are free"
    gone = before - centre.staged()
    assert len(gone) == 1
    ocean = centre.ocean()
    assert gone.isdisjoint({ocean["offered"]["digest"]})
    assert OWN in centre.on("docker image ls --format '{{.Repository}}:{{.Tag}}'")
    assert centre.play("clean", older=True).changed == 0
    client = centre.client("alice")
    client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert shown(client)[1] == ocean["offered"]["digest"]
    client.stop()
