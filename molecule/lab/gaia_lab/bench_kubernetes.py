"""What a Kubernetes centre promises, measured in one run on a lab with a cluster of its own: two idle nodes."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from gaia_lab.bench import launch, noop, ocean_of, play, write_inventory
from gaia_lab.bench_rows import Row, report, seconds
from gaia_lab.command import say
from gaia_lab.errors import LabError
from gaia_lab.pods import PREPULL, hub, kubectl, listed, session
from gaia_lab.session import lab_client

LAUNCHES = 5
NODES = 2
PULL = 600  # seconds that the images of a publish may take to be on the nodes


def write(folder: Path, images: int, ocean: str = "") -> None:
    """A centre with so many tiny images, and with this version of ocean."""
    write_inventory(folder, images, "kubernetes", ["ocean"] if ocean else [])
    if ocean:
        catalogue = yaml.safe_load((folder / "catalogue.yml").read_text())
        catalogue["images"]["ocean"]["reference"] = f"registry.example.org/vre/ocean:{ocean}"
        (folder / "catalogue.yml").write_text(yaml.safe_dump(catalogue))


def refusals() -> int:
    """How often a kubelet said no, as it was asked for too many images at once."""
    events = json.loads(kubectl("get", "events", "--output=json"))["items"]
    return sum(int(event.get("count") or 1) for event in events if "QPS exceeded" in str(event.get("message")))


def held(reference: str) -> float:
    """When an image is on all nodes, by the clock that does not jump.

    :raises LabError: when it is not within ``PULL``.
    """
    end = time.monotonic() + PULL
    while time.monotonic() < end:
        for one in listed("daemonset", PREPULL):
            volumes = one["spec"]["template"]["spec"].get("volumes") or []
            if reference in [volume["image"]["reference"] for volume in volumes]:
                status = one["status"]
                if status["numberReady"] == status.get("updatedNumberScheduled") == NODES:
                    return time.monotonic()
        time.sleep(0.2)
    raise LabError(f"{reference} is not on the nodes after {PULL} s")


def publish(folder: Path) -> list[Row]:
    """A new version of one image while a session works with the one before."""
    client, before = lab_client("alice"), hub()
    client.login()
    client.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    pod = session("alice")["metadata"]["uid"]
    write(folder, 39, "2026.2")
    play(folder, "lock", update="ocean")
    with ThreadPoolExecutor(1) as pool:
        pulled = pool.submit(held, ocean_of(folder))
        play(folder, "publish")
        ended = time.monotonic()
    lost = int(session("alice")["metadata"]["uid"] != pod) + int(hub() != before)
    client.stop()
    name = "kubernetes.publish"
    return [
        Row(
            f"{name}.one-changed",
            "from the end of its pull to the end of publish",
            ended - pulled.result(),
            None,
            "s",
            10,
        ),
        Row(f"{name}.sessions-lost", "sessions lost and restarts of the hub meanwhile", float(lost), None, "", 0),
    ]


def measure() -> Iterator[Row]:
    """All rows, each as soon as it is known; takes several minutes."""
    state = Path(os.environ["GAIA_LAB_STATE"])
    three, forty, many = state / "bench-3", state / "bench-40", state / "bench-200"
    say("bench: deploy with 3 images, then again")
    write(three, 3)
    play(three, "lock")
    play(three, "deploy")
    noop_three = noop(three)
    yield Row("kubernetes.converge.noop", "deploy again, changed=0", noop_three, None, "s", 20)
    say("bench: publish of 40 images")
    write(forty, 39, "2026.1")
    play(forty, "lock")
    took = seconds(lambda: play(forty, "publish"))
    yield Row("kubernetes.stage.40", f"40 images to {NODES} nodes, kernels checked", took, None, "s", None)
    yield Row("kubernetes.stage.40.refusals", "pulls that a kubelet refused meanwhile", float(refusals()), None, "", 0)
    say("bench: launches with 20 and with no business images")
    client = lab_client("alice")
    client.login()
    launch(client, 0)
    launches = [(launch(client, 0)[0], launch(client, 20)[0]) for _run in range(LAUNCHES)]
    with_none, with_many = (statistics.median(column) for column in zip(*launches, strict=True))
    what = "hub POST to ready, 20 business images against none"
    yield Row("kubernetes.launch.20-images", what, with_many, with_none, "s", 1.10)
    say("bench: publish of one changed image")
    yield from publish(forty)
    say("bench: publish of 200 images and a check of their kernels, then deploy again (minutes)")
    write(many, 200)
    play(many, "lock")
    play(many, "publish")
    what = "deploy again, 200 images against 3"
    yield Row("kubernetes.converge.noop.200-vs-3", what, noop(many), noop_three, "s", 1.2)


if __name__ == "__main__":
    took = seconds(lambda: report(measure(), "kubernetes"))
    say(f"bench: kubernetes took {took:.0f} s")
