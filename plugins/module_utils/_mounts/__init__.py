# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready-made mounts, one module for each substrate: what the hub hands to the runtime unchanged at launch.

A module has ``system(reference, mount_kind, store)``, the launch of a system image, and for each of its mount
``KINDS`` a function ``(reference, path, subpath, store)``, the mount of a business image; all pure. A substrate of the
mapping below is one that the manifest can be compiled for.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._mounts import batch, docker, kubernetes

SUBSTRATES: dict[str, ModuleType] = {"batch": batch, "docker": docker, "kubernetes": kubernetes}


@dataclass(frozen=True)
class Maker:
    """Makes the mounts of one substrate and mount kind; ``store`` is the store's folder."""

    substrate: ModuleType
    mount_kind: str
    store: str

    def system(self, reference: str) -> dict[str, Any]:
        """How a session starts from a system image."""
        found: dict[str, Any] = self.substrate.system(reference, self.mount_kind, self.store)
        return found

    def business(self, reference: str, path: str, subpath: str) -> dict[str, Any]:
        """The read-only mount of a business image (or of what is at ``subpath`` in it) at ``path``."""
        found: dict[str, Any] = self.substrate.KINDS[self.mount_kind](reference, path, subpath, self.store)
        return found


def maker(substrate: str, mount_kind: str, store: str) -> Maker:
    """What makes mounts of this kind.

    :raises VreError: when there is nothing.
    """
    found = SUBSTRATES.get(substrate)
    if found is None or mount_kind not in found.KINDS:
        known = ", ".join(f"{kind} on {name}" for name, module in sorted(SUBSTRATES.items()) for kind in module.KINDS)
        raise VreError(
            f"mount kind {mount_kind} is not available on substrate {substrate}",
            where="vre_mount_kind",
            remedy=f"use one of: {known}",
        )
    return Maker(found, mount_kind, store)
