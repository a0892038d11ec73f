# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the check asks for, from the manifest: which kernels must be there, with which choice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._contract import kernel_name
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Expected


def expected(manifest: str, images: Sequence[str], candidates: Sequence[str]) -> list[Expected]:
    """Every kernel that a session of ``images`` must offer.

    :raises VreError: when the manifest cannot be read or does not have an image.
    """
    try:
        data = json.loads(Path(manifest).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VreError(f"the manifest cannot be read: {error}", where=manifest, remedy="run publish") from error
    if not isinstance(data, dict) or not isinstance(data.get("images"), dict):
        raise VreError("this is no manifest", manifest, None, "run publish")
    found: list[Expected] = []
    for name in images:
        state = "candidate" if name in candidates else "offered"
        pin = (data["images"].get(name) or {}).get(state)
        if pin is None:
            raise VreError(f"the manifest has no {state} image of this name", where=manifest, value=name)
        if "environments" not in pin:
            raise VreError("this is no business image", manifest, name, "name system images as system")
        # nb_conda_kernels names an image by the folder that holds "envs".
        folder = Path(pin["envs_dir"]).parent.name
        found += [
            Expected(name, environment, kernel_name(folder, environment, kernel))
            for environment, entry in sorted(pin["environments"].items())
            for kernel in sorted(entry["kernels"])
        ]
    return found


def options(system: str, images: Sequence[str], candidates: Sequence[str]) -> dict[str, Any]:
    """The choice that the check's user sends to the hub."""
    found: dict[str, Any] = {"system": system, "business": list(images)}
    if candidates:
        found["candidate"] = [name for name in (system, *images) if name in candidates]
    return found


def token(path: str) -> str:
    """The service's token.

    :raises VreError: when the file cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise VreError(f"the token of the check cannot be read: {error}", where=path, remedy="run deploy") from error
