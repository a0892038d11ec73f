# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an offer and its lock, told before a host is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _yaml
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._manifest import compile_manifest


def offer_problems(lock: Any, offer: Any, centre: Any, check_user: str) -> list[str]:
    """Compile as if on a host that can do everything: what fails is wrong in the inventory, not on the host."""
    images = lock.get("images") if isinstance(lock, Mapping) else None
    pins = list(images.values()) if isinstance(images, Mapping) else []
    platforms = [platform for pin in pins if isinstance(pin, Mapping) for platform in pin.get("platforms") or ()]
    able = {
        "substrate": "docker",
        "platform": platforms[0] if platforms else "linux/amd64",
        "mount_kind": "image",
        "mount_kinds": {"image": {"usable": True, "reason": ""}},
    }
    try:
        compile_manifest(lock, offer, able, centre, check_user)
    except VreError as error:
        return str(error).splitlines()
    return []


def lock_behind(lock: Mapping[str, Any], catalogues: Iterable[str]) -> list[str]:
    """Where the catalogue names another reference than the lock: a lock that was forgotten, or meant.

    :param catalogues: paths; what cannot be read is told by the playbook ``lock`` and passed over here.
    """
    found = []
    for path in catalogues:
        try:
            document = _yaml.load(Path(path).read_text(encoding="utf-8"), path)
            images = document.data["images"].items()
        except (VreError, OSError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
            continue
        for name, entry in images:
            wanted = entry.get("reference") if isinstance(entry, Mapping) else None
            locked = lock["images"].get(name, {}).get("reference")
            if wanted and locked and wanted != locked:
                where = document.where("images", name, "reference")
                found.append(
                    f"{where}: {name} is {wanted} here and {locked} in the lock. To follow, run gaia_data.vre.lock."
                )
    return found


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {"offer_problems": offer_problems, "lock_behind": lock_behind}
