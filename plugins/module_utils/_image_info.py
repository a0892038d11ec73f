# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``image_info`` tells of a reference: a flat mapping, whether the image is right or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract, _reference
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries, RemoteImage


def describe(reference: str, found: RemoteImage | VreError) -> dict[str, Any]:
    """One image; what is wrong with it is its ``error``."""
    result: dict[str, Any] = {"reference": reference, "digest": "", "platforms": {}, "contract": {}, "error": ""}
    if isinstance(found, VreError):
        return {**result, "error": str(found)}
    result["digest"] = found.digest
    result["platforms"] = {
        name: {"digest": image.digest, "size": image.size} for name, image in sorted(found.platforms.items())
    }
    contracts = []
    for name, image in sorted(found.platforms.items()):
        try:
            contracts.append(_contract.parse(image.labels, f"{reference} ({name})"))
        except VreError as error:
            return {**result, "error": str(error)}
    if not contracts:
        return {**result, "error": str(VreError("the image has no platform on linux", reference))}
    return {**result, "contract": asdict(contracts[0])}


def describe_all(registries: Registries, references: Sequence[str], workers: int) -> list[dict[str, Any]]:
    """The images in the order of ``references``."""
    wrong: dict[str, VreError] = {}
    right: dict[str, str] = {}
    for text in references:
        try:
            right[text] = _reference.parse(text, "references").to_inspect
        except VreError as error:
            wrong[text] = error
    found = registries.inspect_all(right.values(), workers)
    return [describe(text, wrong[text] if text in wrong else found[right[text]]) for text in references]
