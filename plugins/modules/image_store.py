#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring images into a store, unpacked or as squashfs files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_store
short_description: Bring images into a store, unpacked or as squashfs files
version_added: 0.1.0
description:
  - Brings images by their digests into a folder, named by digest, for engines that cannot mount images, and for
    Apptainer. No daemon takes part, and any user who owns the folder will do.
  - Everything is verified by digest. An image appears when it is whole and on the disk. What was fetched before is not
    fetched again, neither for another version of the image nor after a play that was killed.
  - A squashfs file has its size and checksum beside it. One that is cut off, replaced or touched is found by the next
    run and brought again if it is not what was written. The same digest gives the same bytes wherever and whenever it
    is brought, with the same versions of squashfs-tools and libzstd.
  - The folder may be on a file system that several hosts share. One play at a time changes it, whatever host it runs
    on; where the file system cannot promise that, the module says so and does nothing.
  - An image that cannot be brought holds no other one. The module fails in the end and returns what is wrong with it.
  - Everybody may read what is brought and only its owner may write it. Nothing in it is setuid, and an image with
    devices or with paths that lead out of it is refused.
author:
  - Gaia Data (@gaia-data)
requirements:
  - skopeo 1.9 or newer, on the host that executes the module
  - zstd, for images with layers that are compressed by it
  - squashfs-tools 4.5 or newer with zstd, for O(format=squashfs)
extends_documentation_fragment:
  - gaia_data.vre.registries
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  store:
    description: The store's folder. It is made where it is missing.
    type: path
    default: /var/lib/gaia-vre-store
  format:
    description: Unpacked, or as squashfs files with zstd at level 3.
    type: str
    choices: [directory, squashfs]
    default: directory
  images:
    description: What must be there.
    type: list
    elements: dict
    required: true
    suboptions:
      reference:
        description: Reference by digest.
        type: str
        required: true
      subpath:
        description: Folder of the image that is mounted; empty for all of it. One that is not there is refused.
        type: str
        default: ""
  platform:
    description: Platform to take of an image for several ones.
    type: str
    default: linux/amd64
  parallel:
    description: How many images are brought at a time.
    type: int
    default: 4
  timeout:
    description: Seconds to wait for another play that changes the store.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Unpack an image
  gaia_data.vre.image_store:
    images:
      - reference: registry.example.org/vre/ocean@{{ lock.images.ocean.digest }}
    authfile: /etc/gaia-vre/docker/config.json

- name: An image for Apptainer, on a file system that login and compute nodes share
  gaia_data.vre.image_store:
    store: /shared/gaia-vre/store
    format: squashfs
    images:
      - reference: registry.example.org/vre/ocean@{{ lock.images.ocean.digest }}
  become: true
  become_user: gaia-vre
"""

RETURN = r"""
store:
  description: The store's folder.
  type: str
  returned: success
brought:
  description: References of the images that were brought, or would be.
  type: list
  elements: str
  returned: success, and when some could not be brought
problems:
  description: The images that cannot be used, and why.
  type: list
  elements: dict
  returned: when there are any; the module fails then
  contains:
    image:
      description: Its reference.
      type: str
    text:
      description: What is wrong, and the remedy.
      type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _registries_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Brought, Store, wanted


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "store": {"type": "path", "default": layout.DEFAULT},
            "format": {"type": "str", "choices": ["directory", "squashfs"], "default": "directory"},
            "images": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "reference": {"type": "str", "required": True},
                    "subpath": {"type": "str", "default": ""},
                },
            },
            "platform": {"type": "str", "default": "linux/amd64"},
            "parallel": {"type": "int", "default": 4},
            "timeout": {"type": "int", "default": 3600},
            **_registries_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    store = Store(Path(params["store"]), params["format"])
    try:
        settings = _registries_option.check(module)
        images = wanted(params["store"], params["images"])
        missing = store.missing(images)
        found = Brought()
        if module.check_mode:
            found.images = [str(image) for image in store.broken(missing)]
        elif missing:
            with Registries.open(settings, params["authfile"]) as registries, store.locked(params["timeout"]):
                found = store.add(registries, images, params["platform"], params["parallel"])
        else:
            found.problems = store.wrong_subpaths(images)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        problems = found.problems
        brought = [image for image in found.images if image not in problems]
        result = {"changed": bool(brought), "store": params["store"], "brought": sorted(brought)}
        if problems:
            words = "could not be unpacked" if params["format"] == "directory" else "could not be brought"
            result["problems"] = [
                {"image": image, "text": f"{image.partition('@')[0]} {words}: {error}"}
                for image, error in problems.items()
            ]
            # A registry that is down, or a full disk, is told once.
            told = VreErrors(list({str(error): error for error in problems.values()}.values()))
            module.fail_json(msg=str(told), **result)
        module.exit_json(**result)


if __name__ == "__main__":
    main()
