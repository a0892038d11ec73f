# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that build images."""

from __future__ import annotations


class ModuleDocFragment:
    """See ``module_utils/_build/produce.py``."""

    DOCUMENTATION = r"""
options:
    folder:
        description: Folder with C(image.yml) and a file for each environment.
        type: path
        required: true
    reference:
        description: Where to push, with a tag. At least one of O(reference) and O(layout) is needed.
        type: str
    layout:
        description: Folder that keeps the image as an OCI layout. It is replaced when the image changed.
        type: path
    channels:
        description:
            - URLs of conda channels, the most wanted first. A folder is C(file:///path).
            - Channels that C(environment.yml) names are for the author's own computer and not used.
        type: list
        elements: str
        required: true
    platform:
        description: Platform of the image.
        type: str
        choices: [linux/amd64]
        default: linux/amd64
    cache_dir:
        description: Folder that keeps downloaded packages.
        type: path
        required: true
attributes:
    check_mode:
        description: Solves the environments and says whether the image would be built.
        support: full
    diff_mode:
        description: Shows the packages that were asked for, and the digest of the inputs, before and after.
        support: full
"""
