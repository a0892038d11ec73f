"""``make bench``: what we promise, measured in one run on a lab of its own; medians, ratios, goals.

Absolute times say something about this machine only; ratios compare two things in the same run.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.gaia_data.vre.plugins.module_utils import _manifest
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import repository_of
from gaia_lab import bench_store, playbook
from gaia_lab.bench_rows import Row, report, seconds
from gaia_lab.client import HubClient
from gaia_lab.command import say
from gaia_lab.crowd import at_once, crowd
from gaia_lab.errors import LabError
from gaia_lab.remote import Pulled, changed_bytes, on
from gaia_lab.session import lab_client

ROOT = Path(os.environ["GAIA_VRE_ROOT"])
LAUNCHES = 5
PAGES = 21
NOOPS = 3
CROWD = 30
CAPABILITIES = {
    "substrate": "docker",
    "platform": "linux/amd64",
    "mount_kinds": {"image": {"usable": True, "reason": ""}},
    "mount_kind": "image",
    "reason": "",
    "cgroup": {"memory": True, "cpu": True},
}


def write_inventory(folder: Path, images: int, substrate: str = "docker", others: Sequence[str] = ()) -> None:
    """A copy of the example inventory that offers the first ``images`` tiny images.

    :param others: images of the example that it offers, too.
    """
    shutil.copytree(ROOT / f"inventories/example-{substrate}", folder, dirs_exist_ok=True)
    names = [f"tiny{number:03}" for number in range(images)]
    catalogue = yaml.safe_load((folder / "catalogue.yml").read_text())
    catalogue["images"] = {
        **{name: catalogue["images"][name] for name in ("lab", *others)},
        **{
            name: {"kind": "business", "reference": f"registry.example.org/tiny/{name}:1", "title": {"en": name}}
            for name in names
        },
    }
    (folder / "catalogue.yml").write_text(yaml.safe_dump(catalogue))
    settings = folder / "group_vars/vre_hubs/vre.yml"
    variables = yaml.safe_load(settings.read_text())
    variables["vre_offer"] = {"system": ["lab"], "business": ["tiny*", *others], "free_choice": True}
    settings.write_text(yaml.safe_dump(variables))


def write_one(folder: Path, tag: str) -> None:
    """A copy of the example inventory that offers ocean alone, at this tag."""
    write_inventory(folder, 0)
    catalogue = yaml.safe_load((ROOT / "inventories/example-docker/catalogue.yml").read_text())
    catalogue["images"] = {name: catalogue["images"][name] for name in ("lab", "ocean")}
    catalogue["images"]["ocean"]["reference"] = f"registry.example.org/vre/ocean:{tag}"
    (folder / "catalogue.yml").write_text(yaml.safe_dump(catalogue))
    settings = folder / "group_vars/vre_hubs/vre.yml"
    variables = yaml.safe_load(settings.read_text())
    variables["vre_offer"] = {"system": ["lab"], "business": ["ocean"], "free_choice": True}
    settings.write_text(yaml.safe_dump(variables))


def play(folder: Path, name: str, **variables: Any) -> int:
    """Run a playbook of the collection; gives the number of changed tasks."""
    done = playbook.play(folder, name, variables)
    if done.code or done.changed is None:
        raise LabError(f"{name} failed:\n{done.text}")
    return done.changed


def noop(folder: Path) -> float:
    """Median time of a deploy that changes nothing."""

    def again() -> None:
        changed = play(folder, "deploy")
        if changed:
            raise LabError(f"deploy again changed {changed} tasks")

    return statistics.median(seconds(again) for _run in range(NOOPS))


def launch(client: HubClient, images: int) -> tuple[float, float]:
    """Seconds from POST to ready, and of the first listing of kernelspecs."""
    client.stop()
    business = [f"tiny{number:03}" for number in range(images)]
    fields: dict[str, str | list[str]] = {"choice": "free", "system": "lab", "business": business}
    started = time.monotonic()
    answer = client.post_form(fields)
    if answer.status_code != 302:
        raise LabError(f"the launch page answered {answer.status_code}")
    client.wait_ready()
    ready = time.monotonic() - started
    client.open_session()
    first = seconds(client.kernelspecs)
    client.stop()
    return ready, first


def hub_sees(client: HubClient) -> float:
    """Seconds from the rename of a new manifest to a launch page that shows it."""
    manifest = json.loads(on("hub", "cat /etc/gaia-vre/manifest.json"))
    mark = secrets.token_hex(8)
    next(iter(manifest["images"].values()))["title"] = {"en": mark}
    on("hub", "cat > /etc/gaia-vre/manifest.new", stdin=json.dumps(manifest))
    with ThreadPoolExecutor(1) as pool:
        renaming = pool.submit(on, "hub", "mv /etc/gaia-vre/manifest.new /etc/gaia-vre/manifest.json && date +%s.%N")
        end = time.monotonic() + 60
        while mark not in client.launch_page():
            if time.monotonic() > end:
                raise LabError("the hub does not see a new manifest")
        return time.time() - float(renaming.result())  # hosts of a lab have the machine's clock


def ocean_of(folder: Path) -> str:
    """The reference of ocean that an inventory's lock pins."""
    image = yaml.load((folder / "vre.lock.yml").read_text(), Loader=yaml.CSafeLoader)["images"]["ocean"]
    return f"{repository_of(image['reference'])}@{image['digest']}"


def publish_one_changed(folder: Path, client: HubClient) -> list[Row]:
    """A new version of one image while a session works with the one before."""
    write_one(folder, "2026.1")
    play(folder, "lock")
    play(folder, "publish")
    before = ocean_of(folder)
    client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    write_one(folder, "2026.2")
    play(folder, "lock", update="ocean")
    sessions, pulled = set(on("hub", "docker ps --quiet").split()), Pulled.from_now()
    took = seconds(lambda: play(folder, "publish"))
    lost = sessions - set(on("hub", "docker ps --quiet").split())
    client.stop()
    fetched = sum(size for _digest, size in pulled.blobs())
    changed = changed_bytes(before, ocean_of(folder))
    name = "publish.one-changed"
    return [
        Row(f"{name}.bytes", "pulled, to what changed of one image", fetched / 1e6, changed / 1e6, "MB", 1.05),
        Row(f"{name}.seconds", "publish of one changed image, its check included", took, None, "s", 60),
        Row(f"{name}.sessions-lost", "sessions lost meanwhile", float(len(lost)), None, "", 0),
    ]


def image_to_store(folder: Path) -> list[Row]:
    """An image of 31,000 files from a registry to a squashfs file of the store."""
    times = bench_store.measure(folder)
    what = f"registry to store, {times.megabytes:.0f} MB in 31,000 files"
    bare, theirs = "against mksquashfs of the unpacked files", "against apptainer build"
    return [
        Row("batch.store.vs-mksquashfs", f"{what}, {bare}", times.store, times.mksquashfs, "s", 1.5),
        Row("batch.store.vs-apptainer", f"{what}, {theirs}", times.store, times.apptainer, "s", 0.1),
    ]


def publish_and_launch(state: Path) -> Iterator[Row]:
    """From an empty centre to one of 200 images, and its launches."""
    three, many = state / "bench-3", state / "bench-200"
    write_inventory(three, 3)
    write_inventory(many, 200)
    say("bench: lock of 200 images")
    yield Row("lock.200", "the playbook lock over 200 images", seconds(lambda: play(many, "lock")), None, "s", 5)
    locked = yaml.load((many / "vre.lock.yml").read_text(), Loader=yaml.CSafeLoader)
    offer = {"system": ["lab"], "business": ["tiny*"], "free_choice": True}
    compiled = statistics.median(
        seconds(lambda: _manifest.compile_manifest(locked, offer, CAPABILITIES, {"name": "bench"}, "check"))
        for _run in range(5)
    )
    yield Row("compile.200", "compile of the manifest of 200 images", compiled, None, "s", 0.2)
    say("bench: deploy with 3 images, then again")
    play(three, "lock")
    play(three, "deploy")
    noop_three = noop(three)
    yield Row("converge.noop", "deploy again, changed=0", noop_three, None, "s", 15)
    say("bench: deploy with 200 images and a check of their 200 kernels, then again (minutes)")
    play(many, "deploy")
    noop_many = noop(many)
    yield Row("converge.noop.200-vs-3", "deploy again, 200 images against 3", noop_many, noop_three, "s", 1.2)
    say("bench: launches with 20 and with no business images")
    client = lab_client("alice")
    client.login()
    page = statistics.median(seconds(client.launch_page) for _run in range(PAGES))
    yield Row("page.200-images", "GET of the launch page with 200 images, through TLS and proxy", page, None, "s", 0.05)
    launch(client, 0)
    launches = [(launch(client, 0)[0], *launch(client, 20)) for _run in range(LAUNCHES)]
    with_none, with_many, lists = (statistics.median(column) for column in zip(*launches, strict=True))
    what = "hub POST to ready, 20 business images against none"
    yield Row("docker.launch.20-vs-0", what, with_many, with_none, "s", 1.10)
    yield Row("docker.kernels.first-list", "first list of 21 kernels", lists, None, "s", 0.2)
    say(f"bench: a new manifest, and {CROWD} launches at once")
    sees = statistics.median(hub_sees(client) for _run in range(LAUNCHES))
    yield Row("publish.hub-sees", "manifest in place to its image on the page", sees, None, "s", 1)
    users = crowd(CROWD)
    one = statistics.median(at_once(users[:1], ["tiny000"]) for _run in range(3))
    what = f"{CROWD} users start at once, none fails, against one after another"
    yield Row("launch.30-at-once", what, at_once(users, ["tiny000"]), CROWD * one, "s", 1.0)
    say("bench: publish of one changed image")
    yield from publish_one_changed(state / "bench-one", client)
    say("bench: the same 20 images unpacked, launches with all of them")
    twenty = state / "bench-20"
    write_inventory(twenty, 20)
    play(twenty, "lock")
    play(twenty, "publish", vre_mount_kind="directory")
    unpacked = statistics.median([launch(client, 20)[0] for _run in range(LAUNCHES + 1)][1:])
    what = "hub POST to ready, 20 unpacked images against 20 mounted ones"
    yield Row("docker.launch.directory-vs-image", what, unpacked, with_many, "s", 1.10)


def measure() -> Iterator[Row]:
    """All rows, each as soon as it is known; takes half an hour."""
    state = Path(os.environ["GAIA_LAB_STATE"])
    yield from publish_and_launch(state)
    say("bench: an image from a registry to the store, and by apptainer build (minutes)")
    yield from image_to_store(state / "bench-store")


if __name__ == "__main__":
    report(measure(), "docker")
