# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster can do, from what pods saw on its nodes; and the mount kind that follows. Pure functions.

``_cluster_probe`` has the pods run. Each starts the system image, with the same image as a volume: what is in the
volume has then to be what is in the container.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods
from ansible_collections.gaia_data.vre.plugins.module_utils._cluster_nodes import Sort
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import COMPONENT, LABELS
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts.kubernetes import CLAIM, image_volume
from ansible_collections.gaia_data.vre.plugins.module_utils._pods import Object
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings, placement
from ansible_collections.gaia_data.vre.plugins.module_utils._substrate import preferred

RECORD = 1
MINE = {**LABELS, COMPONENT: "probe"}
FOLDER = "/opt/conda"
PYTHON = f"{FOLDER}/bin/python"
MOUNT = "/gaia-vre-probe"
WHOLE, PART = "whole", "part"
SHARED = ("ReadWriteMany", "ReadOnlyMany")
NO_NODE = (
    "no node takes sessions now. Remedy: correct kubernetes_node_selector and kubernetes_tolerations, "
    "or have a node added"
)
OLD = "Remedy: Kubernetes 1.35 or newer with containerd 2.1 or CRI-O 1.31, or set vre_mount_kind: directory"
MOST_TERMS = 5  # nodes that a pod may choose from
RESOURCES = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
RUNS = 300  # seconds for a program from a volume that is cold, on a busy node
# Looks at what is mounted and prints one line of JSON. Arguments: the mount, and where Python is in it.
SCRIPT = f"""\
import filecmp, json, os, subprocess, sys
mount, python = sys.argv[1], sys.argv[1] + sys.argv[2]
flags = os.statvfs(mount).f_flag
said, late = "", False
try:
    run = subprocess.run([python, "-I", "-S", "-c", "print(6 * 7)"], capture_output=True, text=True, timeout={RUNS})
    if run.stdout != "42\\n":
        said = run.stderr.strip()[-200:] or "exit code %d" % run.returncode
except subprocess.TimeoutExpired:
    late = True
except (OSError, subprocess.SubprocessError) as error:
    said = str(error)
print(json.dumps({{
    "content": os.path.isfile(python) and filecmp.cmp({PYTHON!r}, python, shallow=False),
    "whole": os.path.isdir(mount + {FOLDER!r}),
    "readonly": bool(flags & os.ST_RDONLY),
    "runs": said,
    "late": late,
}}))
"""


@dataclass(frozen=True)
class Seen:
    """What a pod saw on a node.

    :param image: why images cannot be mounted there; empty where they can.
    :param subpath: whether a part of an image is mounted as such.
    :param error: why nothing is known; empty where something is.
    :param at: when it was, where it was not now.
    """

    host: str
    image: str = ""
    subpath: bool = False
    error: str = ""
    at: str = ""


# -- the pod ----------------------------------------------------------------------------------------


def pod(
    name: str, nodes: Sequence[str], reference: str, settings: Settings, deadline: int, containers: Sequence[str]
) -> dict[str, Any]:
    """A pod that looks, on one of these nodes.

    :param reference: of the system image.
    :param deadline: seconds after which it ends.
    :param containers: of ``WHOLE`` and ``PART``; none for a pod that mounts nothing.
    """
    volume = image_volume(reference)
    mounts = {WHOLE: {}, PART: {"subPath": FOLDER[1:]}}
    inside = {WHOLE: PYTHON, PART: PYTHON[len(FOLDER) :]}
    terms = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]} for node in nodes[:MOST_TERMS]
    ]
    spec: dict[str, Any] = {
        **_pods.ASKS_NOTHING,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": deadline,
        "terminationGracePeriodSeconds": 1,
        "securityContext": _pods.POD_SECURITY,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}},
        "containers": [
            {
                "name": one,
                "image": reference,
                "imagePullPolicy": "IfNotPresent",
                "command": [PYTHON, "-I", "-c", SCRIPT, MOUNT, inside[one]],
                "securityContext": _pods.CONTAINER_SECURITY,
                "resources": RESOURCES,
                "volumeMounts": [{"name": volume["name"], "mountPath": MOUNT, "readOnly": True, **mounts[one]}],
            }
            for one in containers
        ],
        **placement(settings),
    }
    if containers:
        spec["volumes"] = [volume]
    else:
        plain = {"name": WHOLE, "image": reference, "command": [PYTHON], "resources": RESOURCES}
        spec["containers"] = [{**plain, "securityContext": _pods.CONTAINER_SECURITY}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": MINE}, "spec": spec}


def is_left(pod: Object, now: datetime, patience: float) -> bool:
    """Whether a probe's pod was left by a run that was killed."""
    made = datetime.strptime(pod["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return _pods.is_finished(pod) or (now - made).total_seconds() > patience


def states(pod: Object) -> dict[str, Mapping[str, Any]]:
    """The state of each container: ``waiting``, ``running`` or ``terminated``, with what is said of it."""
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    return {str(one["name"]): one.get("state") or {} for one in found}


def is_over(pod: Object, troubles: Sequence[_pods.Trouble]) -> bool:
    """Whether nothing more is to be seen in a pod."""
    found = states(pod)
    if _pods.is_finished(pod):
        return True
    if any(trouble.fatal for trouble in troubles):
        return True
    broken = [name for name, state in found.items() if (state.get("waiting") or {}).get("reason") in _pods.BROKEN]
    ended = [name for name, state in found.items() if "terminated" in state]
    # Where one of them does not even start, what it says will not change.
    return bool(broken) and len(broken) + len(ended) == len(pod["spec"]["containers"])


def seen(pod: Object, troubles: Sequence[_pods.Trouble], logs: Mapping[str, str], patience: float) -> Seen:
    """What a pod saw, when it is over or the time is up.

    :param logs: of each container that ended.
    """
    host, found = _pods.node_of(pod), states(pod)
    whole, part = (_line(logs.get(name, "")) for name in (WHOLE, PART))
    if any((line or {}).get("late") for line in (whole, part)):
        # Of a node that is busy, not of what it can do: it is looked at again.
        words = f"a program in the volume did not end within {RUNS} s on {host}"
        return Seen(host, error=f"{words}. Remedy: run it again when the node has less to do")
    if whole is not None:
        return Seen(host, wrong(whole), subpath=part is not None and not wrong(part) and not part.get("whole"))
    said = next((one for one in troubles if one.fatal), troubles[0] if troubles else None)
    waiting = (found.get(WHOLE) or {}).get("waiting") or {}
    if waiting.get("reason") in _pods.BROKEN:
        return Seen(host, f"a container with such a volume does not start: {_pods.plain(waiting.get('message', ''))}")
    ended = (found.get(WHOLE) or {}).get("terminated") or {}
    if ended:
        words = _pods.plain(ended.get("message") or logs.get(WHOLE, "") or ended.get("reason") or "")
        remedy = f"use a system image of the contract, which has {PYTHON}"
        return Seen(host, error=f"the system image does not run on {host}: {words}. Remedy: {remedy}")
    if said is not None:
        return Seen(host, error=said.sentence(host).rstrip("."))
    return Seen(host, error=f"the pod that looks did not end within {patience:.0f} s. Remedy: give it more time")


def wrong(line: Mapping[str, Any]) -> str:
    """What is wrong with a volume, by the line of the one who looked."""
    if not line.get("content"):
        return "the volume does not have what is in the image"
    if not line.get("readonly"):
        return "the volume can be written"
    return f"programs in the volume cannot be run: {line['runs']}" if line.get("runs") else ""


def _line(log: str) -> dict[str, Any] | None:
    for text in reversed(log.splitlines()):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and "content" in found:
            return found
    return None


# -- what is remembered -----------------------------------------------------------------------------


def record(found: Mapping[Sort, Seen], digest: str, now: datetime) -> str:
    """What need not be looked at again as long as node and system image are the same."""
    at = now.strftime("%Y-%m-%d %H:%M UTC")
    nodes = {
        str(sort): {"host": one.host, "image": one.image, "subpath": one.subpath, "at": one.at or at}
        for sort, one in sorted(found.items())
        if not one.error
    }
    return json.dumps({"version": RECORD, "substrate": "kubernetes", "image": digest, "nodes": nodes}, indent=1) + "\n"


def recorded(text: str, digest: str) -> dict[Sort, Seen]:
    """What was seen before with this system image; nothing where it cannot be read."""
    try:
        data = json.loads(text)
        if (data["version"], data["substrate"], data["image"]) != (RECORD, "kubernetes", digest):
            return {}
        return {
            Sort.parse(key): Seen(str(one["host"]), str(one["image"]), bool(one["subpath"]), "", str(one["at"]))
            for key, one in data["nodes"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


# -- what follows -----------------------------------------------------------------------------------


def capabilities(
    version: str,
    nodes: Mapping[Sort, Sequence[str]],
    found: Mapping[Sort, Seen],
    refused: str,
    directory: tuple[bool, str],
    forced: str | None = None,
) -> dict[str, Any]:
    """What follows from what was seen.

    :param version: of the API server.
    :param nodes: of :func:`_cluster_nodes.sorts`.
    :param found: what was seen on each sort of them; also on one that is not there now, where none is.
    :param refused: the cluster's words where it takes no pod with such volumes.
    :param directory: of :func:`store`.
    :param forced: the mount kind that the centre wants.
    """
    platforms = sorted({f"linux/{sort.architecture}" for sort in nodes or found})
    notes = [one.error for one in found.values() if one.error]
    measured = [one for one in found.values() if not one.error]
    usable, reason = _image(found, refused, forced)
    if usable and not measured:
        notes.append("nodes are not measured, as vre_mount_kind says what to do")
    kinds = {
        "image": {"usable": usable, "reason": reason},
        "directory": {"usable": directory[0], "reason": directory[1]},
    }
    kind, why = preferred(kinds)
    return {
        "substrate": "kubernetes",
        "version": version.lstrip("v"),
        "nodes": {
            str(sort): {
                "kubelet": sort.kubelet,
                "runtime": sort.runtime,
                "platform": f"linux/{sort.architecture}",
                "names": list(nodes.get(sort, ())),
                **{
                    key: getattr(found[sort], key)
                    for key in ("host", "image", "subpath", "error", "at")
                    if sort in found
                },
            }
            for sort in sorted({*nodes, *found})
        },
        "cgroup": {"memory": True, "cpu": True},
        "platform": platforms[0] if platforms else "",
        "platforms": platforms,
        "subpath": bool(measured) and all(one.subpath for one in measured),
        "mount_kinds": kinds,
        "mount_kind": kind if platforms else None,
        "reason": why if platforms else NO_NODE,
        "notes": notes,
    }


def _image(found: Mapping[Sort, Seen], refused: str, forced: str | None) -> tuple[bool, str]:
    """Whether images can be mounted, and why (not)."""
    if refused:
        remedy = "Remedy: have the cluster's admin allow volumes of type image, or set vre_mount_kind: directory"
        if "must specify a volume type" in refused:  # what an API server says that does not know them
            return False, f"the cluster knows no volumes of images: {refused}. {OLD}"
        return False, f"pods with a volume of an image are refused: {refused}. {remedy}"
    if forced == "directory":
        return False, "vre_mount_kind says directory, so it was not tried to mount images"
    for sort, one in found.items():
        if one.image:
            return False, f"{one.host} ({sort.kubelet}, {sort.runtime}): {one.image}. {OLD}"
    measured = [one for one in found.values() if not one.error]
    if measured:
        hosts = ", ".join(f"{one.host} on {one.at}" if one.at else one.host for one in measured)
        return True, f"the kubelet mounts images (measured on {hosts})"
    if forced == "image":
        return True, "vre_mount_kind says so, and no node was measured"
    errors = [one.error for one in found.values()]
    return False, errors[0] if errors else NO_NODE


def store(
    claim: Object | None, classes: Sequence[Object] | None, wanted: str, platforms: Sequence[str]
) -> tuple[bool, str]:
    """Whether images can be unpacked into a volume that all nodes see, and why (not).

    :param claim: the one that is there already.
    :param classes: StorageClasses; None when they may not be listed.
    :param wanted: the one that the centre names; empty for none.
    """
    if len(platforms) > 1:
        several = f"nodes are of several architectures ({', '.join(platforms)}), and a store has one of each image"
        return False, f"{several}. Remedy: choose nodes of one by kubernetes_node_selector"
    if claim is not None:
        modes = claim["spec"].get("accessModes") or []
        if any(mode in SHARED for mode in modes):
            phase = (claim.get("status") or {}).get("phase", "")
            return True, f"images are unpacked into the claim {CLAIM} ({', '.join(modes)}, {phase})"
        remedy = f"remove the claim {CLAIM}, and set kubernetes_store_class to a class with ReadWriteMany"
        return False, f"the claim {CLAIM} is for one node only ({', '.join(modes)}). Remedy: {remedy}"
    known = ", ".join(_named(one) for one in classes or ()) or "none"
    if wanted and (classes is None or any(one["metadata"]["name"] == wanted for one in classes)):
        return True, f"images are unpacked into a claim of the class {wanted}; that nodes can share it, its use shows"
    what = f"there is no StorageClass {wanted}" if wanted else "no StorageClass is named whose volumes nodes can share"
    has = f"the cluster has: {known}" if classes is not None else "which ones there are may not be listed"
    return False, f"{what}; {has}. Remedy: set kubernetes_store_class to one with ReadWriteMany"


def _named(storage_class: Object) -> str:
    metadata = storage_class["metadata"]
    default = (metadata.get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{metadata['name']} ({'default, ' if default else ''}{storage_class.get('provisioner', '')})"
