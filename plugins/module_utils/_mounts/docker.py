# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of images by Docker, as raw ``HostConfig.Mounts``.

Source: Docker Engine API 1.48, ``POST /containers/create``, ``HostConfig.Mounts`` of type ``image``.
"""

from __future__ import annotations

from typing import Any


def system(reference: str) -> dict[str, Any]:
    """How a session starts from a system image."""
    return {"image": reference}


def business(reference: str, path: str, subpath: str = "") -> dict[str, Any]:
    """The mount of a business image at ``path``, read-only (Docker mounts images in no other way)."""
    mount: dict[str, Any] = {"Type": "image", "Source": reference, "Target": path, "ReadOnly": True}
    if subpath:
        mount["ImageOptions"] = {"Subpath": subpath}
    return mount
