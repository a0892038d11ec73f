"""What a batch centre promises, measured in one run on a lab with a cluster of its own, whose scheduler is idle."""

from __future__ import annotations

import json
import os
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gaia_lab import adhoc, playbook
from gaia_lab.bench import launch, noop, play, write_inventory
from gaia_lab.bench_rows import Row, report, seconds
from gaia_lab.command import say
from gaia_lab.errors import LabError
from gaia_lab.remote import on
from gaia_lab.session import lab_client

OTHERS = ("atmosphere", "biodiversity", "geo", "ocean")
IMAGES = 50  # the system image and OTHERS among them
LAUNCHES = 5
IMPORTS = 7
STORE, UNPACKED = "/shared/gaia-vre", "/shared/unpacked"
TASK = re.compile(r"Unpack in batches of (?:\d+|\{\{ images_parallel \}\}) -+ ([\d.]+)s")
PROFILE = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks", "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all"}
PYTHON = "/opt/gaia/biodiversity/envs/species/bin/python"
IMPORT = "import time; t = time.perf_counter(); import numpy, pandas; print(time.perf_counter() - t)"
# The pages of what is read leave this machine's memory; which files a folder has stays known, which is to its good.
FORGET = "find {path} -type f -print0 | xargs -0 -n 1000 python3 -c '{code}'"
FORGET_CODE = (
    "import os, sys\nfor path in sys.argv[1:]:\n    handle = os.open(path, os.O_RDONLY)\n"
    "    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)\n    os.close(handle)"
)


def inventory(folder: Path) -> None:
    """A centre with 50 images and one kind of jobs."""
    write_inventory(folder, IMAGES - 1 - len(OTHERS), "batch", OTHERS)
    settings = folder / "group_vars/vre_hubs/vre.yml"
    variables = yaml.safe_load(settings.read_text())
    small = {"title": {"en": "Small"}, "cpu": 1, "memory": "1G", "time": "10min", "partition": "short"}
    variables["vre_offer"]["resources"] = {"small": small}
    settings.write_text(yaml.safe_dump(variables))


def staging(folder: Path, name: str) -> float:
    """Seconds that the images of a play took to the store, which is all of its task."""
    done = playbook.play(folder, name, environment=PROFILE)
    found = TASK.search(done.text)
    if done.code or not found:
        raise LabError(f"{name} failed, or does not tell what it took:\n{done.text}")
    return float(found[1])


def one_of(folder: Path, references: list[str]) -> float:
    """Seconds of the largest image alone, whose layers are fetched again."""
    largest = on("hub", f"ls -S {STORE}/*.squashfs | head -n 1").strip()
    digest = Path(largest).stem
    if not any(reference.endswith(digest) for reference in references):
        raise LabError(f"{largest} is none of the manifest's")
    on("hub", f"rm -r {largest} {STORE}/{digest}.json {STORE}/blobs/sha256/*")
    return staging(folder, "publish")


def first_import(bind: str, system: str, path: str) -> float:
    """Seconds of a first import in a container of its own, on a node."""
    on("node1", FORGET.format(path=path, code=FORGET_CODE))
    command = f'apptainer --quiet exec --containall --no-home --pwd / --bind {bind} {system} {PYTHON} -c "{IMPORT}"'
    return float(on("node1", f"cd /tmp && runuser -u alice -- {command}"))


def imports(images: dict[str, Any]) -> Row:
    """The same image as one file and as a folder of the same file system."""
    reference = str(images["biodiversity"]["offered"]["reference"])
    name, system = reference.partition("@sha256:")[2], str(images["lab"]["offered"]["launch"]["source"])
    options = {"store": UNPACKED, "images": [{"reference": reference}]}
    options["authfile"] = "/etc/gaia-vre/docker/config.json"
    folder = Path(os.environ["GAIA_LAB_STATE"]) / "bench-50"
    if not adhoc.result(adhoc.module(folder, "hub.example.org", "image_store", options)).get("changed"):
        raise LabError("biodiversity was not unpacked")
    file, tree = f"{STORE}/{name}.squashfs", f"{UNPACKED}/{name}"
    squashfs, directory = [], []
    for _run in range(IMPORTS):
        squashfs.append(first_import(f"{file}:/opt/gaia/biodiversity:ro,image-src=/", system, file))
        directory.append(first_import(f"{tree}:/opt/gaia/biodiversity:ro", system, tree))
    what = "first import of numpy and pandas, from a squashfs file against a folder beside it"
    ours, reference_seconds = statistics.median(squashfs), statistics.median(directory)
    return Row("batch.import.store-vs-directory", what, ours, reference_seconds, "s", None)


def measure() -> Iterator[Row]:
    """All rows, each as soon as it is known; takes several minutes."""
    fifty = Path(os.environ["GAIA_LAB_STATE"]) / "bench-50"
    inventory(fifty)
    play(fifty, "lock")
    say(f"bench: deploy with {IMAGES} images on a cluster (minutes)")
    staged = staging(fifty, "deploy")
    images = json.loads(on("hub", "cat /etc/gaia-vre/manifest.json"))["images"]
    say("bench: deploy again")
    yield Row("batch.converge.noop", "deploy again, changed=0", noop(fifty), None, "s", 20)
    say("bench: launches with 20 and with no business images")
    client = lab_client("alice")
    client.login()
    launch(client, 0)
    launches = [(launch(client, 0)[0], launch(client, 20)[0]) for _run in range(LAUNCHES)]
    with_none, with_many = (statistics.median(column) for column in zip(*launches, strict=True))
    what = "hub POST to ready, 20 business images against none, the scheduler idle"
    yield Row("batch.launch.20-images", what, with_many, with_none, "s", 1.10)
    say("bench: first imports")
    yield imports(images)
    say("bench: the largest image alone")
    alone = one_of(fifty, [str(image["offered"]["reference"]) for image in images.values()])
    yield Row("batch.store.staging-50", "50 images to the store, against the largest one", staged, alone, "s", None)


if __name__ == "__main__":
    took = seconds(lambda: report(measure(), "batch"))
    say(f"bench: batch took {took:.0f} s")
