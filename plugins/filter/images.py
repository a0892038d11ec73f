# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role images: what is to be staged where, and the registries' logins as Docker wants them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.module_utils._registry import repository_of

LONGEST_REASON = 500


def staging(images: Mapping[str, Any], seen: Iterable[str], mount_kind: str, substrate: str) -> dict[str, list[Any]]:
    """What of a lock's images is to be brought to a host, and how.

    :param seen: ``repository@digest`` of what the engine has, ``store DIGEST`` of what is in the store.
    :param mount_kind: empty when it is not known yet: then an image is there when it is at either place.
    :param substrate: a batch system has system images in the store, too.
    """
    there = set(seen)
    found: dict[str, list[Any]] = {"wanted": [], "new": [], "pull": [], "unpack": [], "subpaths": []}
    try:
        for image in images.values():
            (reference,), stored = pinned([image]), f"store {image['digest']}"
            found["wanted"].append(reference)
            if substrate == "batch" or (mount_kind == "directory" and image["kind"] == "business"):
                unpacked = {"reference": reference, "subpath": image.get("subpath") or ""}
                if stored not in there:
                    found["unpack"].append(unpacked)
                elif unpacked["subpath"] or substrate == "batch":
                    found["subpaths"].append(unpacked)
            elif reference not in there and (mount_kind or stored not in there):
                found["pull"].append(reference)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"this is no lock: {error!r}. Remedy: run gaia_data.vre.lock again.") from error
    found["new"] = found["pull"] + [image["reference"] for image in found["unpack"]]
    return found


def pinned(images: Iterable[Mapping[str, Any]]) -> list[str]:
    """The references by digest of a lock's images, ``repository@digest``."""
    return [f"{repository_of(image['reference'])}@{image['digest']}" for image in images]


def docker_auths(registries: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The ``auths`` of Docker's config.json for registries with a login."""
    found = {}
    for host, options in sorted(registries.items()):
        if options.get("username"):
            login = f"{options['username']}:{options.get('password', '')}"
            found[host] = {"auth": base64.b64encode(login.encode()).decode()}
    return found


def registries_of_host(registries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How a host that sessions run on reaches registries: without files of another machine, and without secrets."""
    kept = ("plain_http", "mirrors")
    return {host: {key: options[key] for key in kept if key in options} for host, options in registries.items()}


def unpulled(absent: Sequence[str], pulls: Sequence[Mapping[str, Any]], patience: int) -> list[dict[str, Any]]:
    """Why each of the ``absent`` images is not on the host after its pull.

    :param pulls: what async_status said of each pull.
    :param patience: minutes that a pull was waited for.
    :return: ``image``; ``failed``, false for a pull that goes on; ``text`` for a person.
    """
    ends = {str(pull["item"]["item"]): pull for pull in pulls}
    return [_unpulled(image, ends.get(image) or {}, patience) for image in absent]


def _unpulled(image: str, pull: Mapping[str, Any], patience: int) -> dict[str, Any]:
    short = image.partition("@")[0]
    if pull and not pull.get("finished"):
        text = (
            f"{short} is still being pulled after {patience} min, so it is left out. "
            "Remedy: publish again when it is there; the pull goes on."
        )
        return {"image": image, "failed": False, "text": text}
    reason = " ".join(str(pull.get("msg") or "the engine does not list it after its pull").split())[-LONGEST_REASON:]
    remedy = "mend what the engine says (journalctl -u docker has more), then publish again"
    return {"image": image, "failed": True, "text": f"{short} could not be pulled: {reason}. Remedy: {remedy}."}


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {
            "pinned": pinned,
            "staging": staging,
            "registries_of_host": registries_of_host,
            "docker_auths": docker_auths,
            "unpulled": unpulled,
        }
