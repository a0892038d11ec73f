# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role images: the lock's images and the registries' logins as Docker wants them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.module_utils._registry import repository_of


def pinned_references(images: Mapping[str, Any]) -> list[str]:
    """``repository@digest`` of each image of a lock, sorted."""
    try:
        return sorted(f"{repository_of(image['reference'])}@{image['digest']}" for image in images.values())
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"this is no lock: {error!r}. Remedy: run gaia_data.vre.lock again.") from error


def docker_auths(registries: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The ``auths`` of Docker's config.json for registries with a login."""
    found = {}
    for host, options in sorted(registries.items()):
        if options.get("username"):
            login = f"{options['username']}:{options.get('password', '')}"
            found[host] = {"auth": base64.b64encode(login.encode()).decode()}
    return found


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {"pinned_references": pinned_references, "docker_auths": docker_auths}
