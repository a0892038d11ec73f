"""What is in the lab's cluster, as its administrator sees it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

NAMESPACE = "jupyterhub"
OURS = "app.kubernetes.io/managed-by=gaia-vre"
HUB, SESSIONS = "component=hub", "component=singleuser-server"
PREPULL = "gaia-data.org/component=prepull"


def kubectl(*arguments: str) -> str:
    """What kubectl prints, in the hub's namespace.

    :raises CalledProcessError: when it fails.
    """
    command = ["kubectl", f"--namespace={NAMESPACE}", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def listed(kind: str, labels: str) -> list[dict[str, Any]]:
    """Objects with these labels."""
    found: list[dict[str, Any]] = json.loads(kubectl("get", kind, f"--selector={labels}", "--output=json"))["items"]
    return found


def hub() -> tuple[str, int]:
    """The hub's pod, and how often it was restarted."""
    (pod,) = listed("pod", HUB)
    (status,) = pod["status"]["containerStatuses"]
    return str(pod["metadata"]["uid"]), int(status["restartCount"])


def session(user: str) -> dict[str, Any]:
    """The pod of a user's session."""
    (pod,) = listed("pod", f"{SESSIONS},hub.jupyter.org/username={user}")
    return pod


def kept() -> set[str]:
    """References of the images that pods keep on the nodes, as volumes."""
    specs = [one["spec"]["template"]["spec"] for one in listed("daemonset", PREPULL)]
    volumes = [volume for spec in specs for volume in spec.get("volumes") or []]
    return {volume["image"]["reference"] for volume in volumes if "image" in volume}
