# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready-made mounts, one module for each substrate: what the hub hands to the runtime unchanged at launch.

A module has ``system(reference)``, the launch of a system image, and ``business(reference, path, subpath)``, the
mount of a business image; both pure. A substrate of the mapping below is one that the manifest can be compiled for.
"""

from __future__ import annotations

from types import ModuleType

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts import docker

SUBSTRATES: dict[tuple[str, str], ModuleType] = {("docker", "image"): docker}


def maker(substrate: str, mount_kind: str) -> ModuleType:
    """The module that makes mounts of this kind.

    :raises VreError: when there is none.
    """
    found = SUBSTRATES.get((substrate, mount_kind))
    if found is None:
        known = ", ".join(f"{kind} on {name}" for name, kind in sorted(SUBSTRATES))
        raise VreError(
            f"mount kind {mount_kind} is not available on substrate {substrate}",
            where="vre_mount_kind",
            remedy=f"use one of: {known}",
        )
    return found
