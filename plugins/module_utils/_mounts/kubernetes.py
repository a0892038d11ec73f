# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a pod, each with its mount, as the cluster's API has them; KubeSpawner takes nothing else.

Source: Kubernetes API v1, ``Volume`` and ``VolumeMount``. A volume that is named twice is put into the pod once.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import MOUNT_PATH, SUBPATH
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout

CLAIM = "gaia-vre-store"
LONGEST_NAME = 40  # digits of a digest: a volume's name has 63 letters at most


def system(reference: str, _mount_kind: str, _store: str) -> dict[str, Any]:
    """How a session starts from a system image."""
    return {"image": reference}


def image_volume(reference: str) -> dict[str, Any]:
    """The kubelet's own volume of an image, named by its digest.

    :raises VreError: when the reference has no digest.
    """
    name = f"gaia-{layout.name_of(reference.partition('@')[2])[:LONGEST_NAME]}"
    return {"name": name, "image": {"reference": reference, "pullPolicy": "IfNotPresent"}}


def _image(reference: str, path: str, subpath: str, _store: str) -> dict[str, Any]:
    """A volume of the image, or of what is at ``subpath`` in it."""
    volume = image_volume(reference)
    return {"volume": volume, "volume_mount": _mount(volume["name"], path, _checked(subpath, SUBPATH))}


def _directory(reference: str, path: str, subpath: str, _store: str) -> dict[str, Any]:
    """The image's folder in the claim with all of them; no session can write to it."""
    volume = {"name": CLAIM, "persistentVolumeClaim": {"claimName": CLAIM, "readOnly": True}}
    folder = layout.name_of(reference.partition("@")[2])
    inner = "/".join([folder, _checked(subpath, SUBPATH)] if subpath else [folder])
    return {"volume": volume, "volume_mount": _mount(CLAIM, path, inner)}


def _mount(name: str, path: str, subpath: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "mountPath": _checked(path, MOUNT_PATH), "readOnly": True}
    return {**found, "subPath": subpath} if subpath else found


def _checked(value: str, form: Any) -> str:
    """A path of plain names: KubeSpawner takes braces for a template.

    :raises VreError: when it is none; the lock lets nothing else through.
    """
    if value and not form.fullmatch(value):
        raise VreError("a path in an image has plain names only", "lock", value, "run gaia_data.vre.lock again")
    return value


KINDS = {"image": _image, "directory": _directory}
