# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a job by Apptainer: the system image is run, business images are bound, both from the store.

Source: Apptainer user guide, "Bind Paths and Mounts", options ``ro`` and ``image-src``. No ``id``: a store file is a
plain squashfs file system.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._catalogue_entry import MOUNT_PATH, SUBPATH
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout


def system(reference: str, mount_kind: str, store: str) -> dict[str, Any]:
    """How a session starts from a system image."""
    return {"source": _SOURCES[mount_kind](store, _digest(reference))}


def _squashfs(reference: str, path: str, subpath: str, store: str) -> dict[str, Any]:
    """A bind of (what is at ``subpath`` in) the image's squashfs file."""
    source = layout.squashfs(store, _digest(reference))
    return {"source": source, "bind": _bind(source, path, subpath, f"ro,image-src=/{subpath}")}


def _directory(reference: str, path: str, subpath: str, store: str) -> dict[str, Any]:
    """A bind of the image's folder, or of one in it."""
    source = layout.entry(store, _digest(reference), subpath)
    return {"source": source, "bind": _bind(source, path, subpath, "ro")}


def _bind(source: str, path: str, subpath: str, options: str) -> str:
    """A bind, which becomes a word of a command line.

    :raises VreError: when path or subpath are not what the lock lets through.
    """
    for value, form in ((path, MOUNT_PATH), (subpath, SUBPATH)):
        if value and not form.fullmatch(value):
            raise VreError("a path in an image has plain names only", "lock", value, "run gaia_data.vre.lock again")
    return f"{source}:{path}:{options}"


def _digest(reference: str) -> str:
    return reference.partition("@")[2]


_SOURCES = {"squashfs": layout.squashfs, "directory": layout.entry}
KINDS = {"squashfs": _squashfs, "directory": _directory}
