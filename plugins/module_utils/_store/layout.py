# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is where in a store: pure functions.

========================  ==================================================================
``<hex>/``                an unpacked image, named by its digest; what sessions mount
``<hex>.squashfs``        the same as one file, for Apptainer
``<hex>.json``            its size and checksum
``blobs/sha256/<hex>``    manifests and compressed layers, as the registry has them
``.partial-<hex>-…/``     an image that is being written, or was when the play was killed
``.lock``                 held by who changes the store
``staged``                references that the engine pulled for us, one a line
``bin/<hub>/``            what the jobs of a hub run, and in ``kept.json`` which images the hub keeps
========================  ==================================================================
"""

from __future__ import annotations

import re

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

DEFAULT = "/var/lib/gaia-vre-store"
NAME = re.compile(r"[0-9a-f]{64}")
SUFFIXES = {"directory": "", "squashfs": ".squashfs"}
PARTIAL = ".partial-"
RECORD = "staged"
PATH = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){2,}")


def check(store: str) -> None:
    """Whether a path can be a store's.

    :raises VreError: when it cannot.
    """
    if not PATH.fullmatch(store):
        remedy = f"use an absolute path of plain names below a folder of the host, such as {DEFAULT}"
        raise VreError("this cannot be the store's folder", "images_store_dir", store, remedy)


def name_of(digest: str) -> str:
    """The name of a digest in the store.

    :raises VreError: when it is none that the store knows.
    """
    kind, _colon, name = digest.partition(":")
    if kind != "sha256" or not NAME.fullmatch(name):
        raise VreError("this is no digest", "store", digest, "use sha256: and 64 hexadecimal digits")
    return name


def entry(store: str, digest: str, subpath: str = "") -> str:
    """Path of an unpacked image, or of a folder in it.

    :raises VreError: when store, digest or subpath are not what they must be.
    """
    check(store)
    parts = subpath.split("/") if subpath else []
    if any(part in ("", ".", "..") for part in parts):
        raise VreError("a path in an image has plain names only", "subpath", subpath)
    return "/".join([store, name_of(digest), *parts])


def squashfs(store: str, digest: str) -> str:
    """Path of an image's squashfs file.

    :raises VreError: when store or digest are not what they must be.
    """
    return entry(store, digest) + SUFFIXES["squashfs"]
