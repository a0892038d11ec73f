# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of images by Docker, as raw ``HostConfig.Mounts``.

Source: Docker Engine API 1.48, ``POST /containers/create``, ``HostConfig.Mounts`` of the types ``image`` and ``bind``.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout


def system(reference: str, _mount_kind: str, _store: str) -> dict[str, Any]:
    """How a session starts from a system image."""
    return {"image": reference}


def _image(reference: str, path: str, subpath: str, _store: str) -> dict[str, Any]:
    """The engine's own mount of an image; it knows no other than a read-only one."""
    mount: dict[str, Any] = {"Type": "image", "Source": reference, "Target": path, "ReadOnly": True}
    if subpath:
        mount["ImageOptions"] = {"Subpath": subpath}
    return mount


def _directory(reference: str, path: str, subpath: str, store: str) -> dict[str, Any]:
    """A bind mount of the image's folder in the store. The engine does not make it where it is missing."""
    source = layout.entry(store, reference.partition("@")[2], subpath)
    return {"Type": "bind", "Source": source, "Target": path, "ReadOnly": True}


KINDS = {"image": _image, "directory": _directory}
