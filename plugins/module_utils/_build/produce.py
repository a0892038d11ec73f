# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build an image when the registry does not hold it already, and push it."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._build import assemble, definition
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries, RemoteImage

PROGRAMS = {"business": ("bwrap",), "system": ("bwrap", "mmdebstrap")}


def require(kind: str) -> None:
    """Say at once, and together, what the builder lacks.

    :raises VreErrors: naming each program and library.
    """
    problems = [
        VreError(f"the program {name} is not installed on the builder", remedy="install bubblewrap and mmdebstrap")
        for name in PROGRAMS[kind]
        if shutil.which(name) is None
    ]
    for module, package in (("rattler", "py-rattler"), ("zstandard", "zstandard")):
        try:
            importlib.import_module(module)
        except ImportError:
            remedy = f"install {package} for the Python that ansible uses on the builder"
            problems.append(VreError(f"the Python library {package} is not there", remedy=remedy))
    if problems:
        raise VreErrors(problems)


def produce(
    kind: str,
    params: dict[str, Any],
    registries: dict[str, dict[str, Any]],
    check_mode: bool,
    debian: assemble.Debian | None = None,
) -> dict[str, Any]:
    """What ``business_image`` and ``system_image`` do; gives the module's result."""
    require(kind)
    found = definition.load(Path(params["folder"]))
    if found.kind != kind:
        raise VreError(
            f"this is a {found.kind} image",
            where=f"{found.folder}/image.yml",
            remedy=f"build it with gaia_data.vre.{found.kind}_image",
        )
    planned = assemble.plan(found, params["channels"], params["platform"], debian)
    reference = params["reference"]
    with Registries.open(registries, params["authfile"]) as access:
        former = _present(access, reference)
        before = _inputs(former, params["platform"])
        result: dict[str, Any] = {
            "changed": before != planned.inputs,
            "reference": reference,
            "inputs": planned.inputs,
            "digest": former.digest if former and before == planned.inputs else "",
            "diff": {"before": f"inputs: {before}\n", "after": f"inputs: {planned.inputs}\n"},
        }
        if not result["changed"] or check_mode:
            return result
        cache = Path(params["cache_dir"])
        cache.mkdir(parents=True, exist_ok=True)
        # Beside the package cache, so that installed files are hard links and not copies.
        with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as name:
            build = assemble.build_system if kind == "system" else assemble.build_business
            layout, digest = build(planned, Path(name), cache / "packages")
            access.push(layout, reference)
        result["digest"] = digest
    return result


def _present(access: Registries, reference: str) -> RemoteImage | None:
    try:
        return access.inspect(reference)
    except VreError as error:
        if error.message == "the image is not in the registry":
            return None
        raise


def _inputs(image: RemoteImage | None, platform: str) -> str:
    if image is None or platform not in image.platforms:
        return ""
    return image.platforms[platform].labels.get(assemble.INPUTS, "")
