# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a volume that all nodes of a cluster see: the claim, and the Job that unpacks into it. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _pods
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import COMPONENT, LABELS
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts.kubernetes import CLAIM
from ansible_collections.gaia_data.vre.plugins.module_utils._pods import Object
from ansible_collections.gaia_data.vre.plugins.module_utils._prepull import Settings, placement
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Wanted

MINE = {**LABELS, COMPONENT: "unpack"}
PROGRAM = "ansible_collections.gaia_data.vre.plugins.module_utils._store.unpack"
# In the claim: what is in the store. In the Job: what it is to do.
STORED, INPUT = "gaia-data.org/store", "gaia-data.org/unpack"
FOLDER = "/run/gaia-vre"
FILE = f"{FOLDER}/input/unpack.json"
LOGIN = f"{FOLDER}/login"
KEPT = 3600  # seconds that a Job stays whose play was killed
RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
REACHED = ("plain_http", "mirrors")  # of the registries' options, what is no login


def claim(storage_class: str, size: str) -> dict[str, Any]:
    """The claim of the store.

    :param storage_class: one whose volumes several nodes can mount; empty for the cluster's default.
    """
    spec: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": size}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "labels": LABELS},
        "spec": spec,
    }


def key(image: Wanted) -> str:
    """What is remembered of an image in the store: it, or the folder of it that was looked for."""
    return f"{image.name}/{image.subpath}".rstrip("/")


def stored(claim: Object) -> set[str]:
    """Keys of what is in the store."""
    try:
        found = json.loads((claim["metadata"].get("annotations") or {})[STORED])
        return {str(one) for one in found}
    except (LookupError, ValueError, TypeError):
        return set()


def remembered(claim: Object, more: Iterable[str]) -> dict[str, Any]:
    """The change of a claim by which more is remembered; refused when it changed meanwhile."""
    text = json.dumps(sorted(stored(claim) | set(more)), separators=(",", ":"))
    metadata = {"annotations": {STORED: text}, "resourceVersion": claim["metadata"]["resourceVersion"]}
    return {"metadata": metadata}


def reached(registries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """How a Job reaches registries: without logins, and with the authorities themselves.

    :param registries: as in the inventory; files are of this machine.
    :raises VreError: when an authority cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    for host, options in registries.items():
        found[host] = {key: options[key] for key in REACHED if key in options}
        path = options.get("ca_file")
        if path:
            try:
                found[host]["authority"] = Path(path).read_text(encoding="ascii")
            except (OSError, ValueError) as error:
                where, remedy = f"registries: {host}: ca_file", "give the path of a PEM file on this machine"
                raise VreError(f"the authority cannot be read: {error}", where, path, remedy) from error
    return found


def asked(
    images: Sequence[Wanted],
    registries: Mapping[str, Mapping[str, Any]],
    platform: str,
    login: bool,
    parallel: int,
    timeout: float,
) -> str:
    """What a Job is to do, as ``_store.unpack`` reads it.

    :param registries: of :func:`reached`.
    :param login: whether there is a Secret with logins.
    """
    content = {
        "store": layout.DEFAULT,
        "images": [{"reference": str(image), "subpath": image.subpath} for image in images],
        "platform": platform,
        "registries": registries,
        "authfile": f"{LOGIN}/config.json" if login else None,
        "parallel": parallel,
        "timeout": int(timeout),
    }
    return json.dumps(content, sort_keys=True)


def job(text: str, image: str, settings: Settings, patience: float) -> dict[str, Any]:
    """The Job. What it does makes its name: a play that was killed finds its own again.

    :param text: of :func:`asked`.
    :param image: with the program.
    :param patience: seconds after which it ends.
    """
    name = f"gaia-vre-unpack-{hashlib.sha256(f'{image} {text}'.encode()).hexdigest()[:12]}"
    inputs = {"path": "unpack.json", "fieldRef": {"fieldPath": f"metadata.annotations['{INPUT}']"}}
    volumes: list[dict[str, Any]] = [
        {"name": "store", "persistentVolumeClaim": {"claimName": CLAIM}},
        {"name": "input", "downwardAPI": {"items": [inputs]}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "store", "mountPath": layout.DEFAULT},
        {"name": "input", "mountPath": f"{FOLDER}/input", "readOnly": True},
    ]
    if settings.pull_secret:
        item = {"key": ".dockerconfigjson", "path": "config.json"}
        # Its files are root's and the group's.
        volumes.append({"name": "login", "secret": {"secretName": settings.pull_secret, "items": [item]}})
        mounts.append({"name": "login", "mountPath": LOGIN, "readOnly": True})
    container = {
        "name": "unpack",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", PROGRAM, FILE],
        "securityContext": _pods.CONTAINER_SECURITY,
        "resources": RESOURCES,
        "volumeMounts": mounts,
    }
    pod = {
        **_pods.ASKS_NOTHING,
        "restartPolicy": "Never",
        "securityContext": {**_pods.POD_SECURITY, "fsGroup": _pods.USER, "fsGroupChangePolicy": "OnRootMismatch"},
        "containers": [container],
        "volumes": volumes,
        **placement(settings),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": MINE},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": int(patience),
            "ttlSecondsAfterFinished": KEPT,
            "template": {"metadata": {"labels": MINE, "annotations": {INPUT: text}}, "spec": pod},
        },
    }


def ended(job: Object) -> str | None:
    """How a Job ended, ``Complete`` or the cluster's words for its failure; None while it goes on."""
    for one in (job.get("status") or {}).get("conditions") or ():
        if one.get("status") == "True" and one.get("type") in ("Complete", "Failed"):
            return "Complete" if one["type"] == "Complete" else str(one.get("message") or one.get("reason") or "Failed")
    return None


def result(log: str) -> tuple[list[str], dict[str, str]]:
    """References that were brought, and texts of problems by reference.

    :raises VreError: when the Job did not say so, with the last that it said.
    """
    lines = [line for line in log.splitlines() if line.strip()] or ["it said nothing"]
    try:
        found = json.loads(lines[-1])
        return [str(one) for one in found["brought"]], {str(k): str(v) for k, v in found["problems"].items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise VreError(f"the images were not unpacked: {lines[-1]}", "image_unpack") from error
