#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpack images into a volume that all nodes of a cluster see."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_unpack
short_description: Unpack images into a volume that all nodes of a cluster see
version_added: 0.1.0
description:
  - Brings images by their digests into the claim C(gaia-vre-store), for clusters that cannot mount images. The claim is
    made where it is missing.
  - A Job of the cluster does it, by what M(gaia_data.vre.image_store) does on a host, and is removed afterwards. What
    is in the store is remembered at the claim, so that nothing runs when nothing is missing.
  - A run that was killed is gone on with by the next one.
  - An image that cannot be unpacked holds no other one and does not fail the module; RV(problems) tells it.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.cluster
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
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
  store_image:
    description: Reference of the image with the program that unpacks.
    type: str
    required: true
  registries:
    description:
      - How the Job reaches registries, by host (with its port, if it has one), by C(ca_file), C(plain_http) and
        C(mirrors) as for M(gaia_data.vre.image_store). C(ca_file) is the path of a PEM file on the host that runs the
        module.
      - Logins are those of O(pull_secret).
    type: dict
    default: {}
  pull_secret:
    description: Name of the Secret with the registries' logins.
    type: str
  storage_class:
    description: StorageClass of the claim, with volumes that several nodes can mount; without it the default one.
    type: str
  size:
    description: Size of the claim, as the cluster writes it.
    type: str
    default: 100Gi
  platform:
    description: Platform to take of an image for several ones.
    type: str
    default: linux/amd64
  tolerations:
    description: Tolerations of the Job's pod.
    type: list
    elements: dict
    default: []
  node_selector:
    description: Labels of the nodes that it may run on.
    type: dict
    default: {}
  parallel:
    description: How many images are brought at a time.
    type: int
    default: 4
  patience:
    description: Minutes that the Job may take.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Unpack what is locked
  gaia_data.vre.image_unpack:
    namespace: jupyterhub
    images:
      - reference: registry.example.org/vre/ocean@{{ lock.images.ocean.digest }}
    store_image: registry.example.org/vre/store:2026.11
    pull_secret: gaia-vre-registries
    storage_class: shared
"""

RETURN = r"""
brought:
  description: References of the images that were unpacked, or would be.
  type: list
  elements: str
  returned: success
absent:
  description: References of the images that are not in the store; in check mode, not yet.
  type: list
  elements: str
  returned: success
problems:
  description: The images that cannot be used, and why.
  type: list
  elements: dict
  returned: success
  contains:
    image:
      description: Its reference.
      type: str
    failed:
      description: Always true, as waiting does not help.
      type: bool
    text:
      description: What is wrong, and the remedy.
      type: str
progress:
  description: What the Job said, a line for each image.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import (
    _cluster_option,
    _prepull,
    _registries_option,
    _unpack,
    _unpack_run,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import wanted


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "images": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "reference": {"type": "str", "required": True},
                    "subpath": {"type": "str", "default": ""},
                },
            },
            "store_image": {"type": "str", "required": True},
            "registries": {"type": "dict", "default": {}},
            "pull_secret": {"type": "str", "no_log": False},
            "storage_class": {"type": "str"},
            "size": {"type": "str", "default": "100Gi"},
            "platform": {"type": "str", "default": "linux/amd64"},
            "tolerations": {"type": "list", "elements": "dict", "default": []},
            "node_selector": {"type": "dict", "default": {}},
            "parallel": {"type": "int", "default": 4},
            "patience": {"type": "int", "default": 60},
            **_cluster_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        order = _unpack_run.Order(
            wanted(layout.DEFAULT, params["images"]),
            params["store_image"],
            _prepull.Settings(params["pull_secret"] or "", "", params["tolerations"], params["node_selector"]),
            _unpack.reached(_registries_option.check(module)),
            params["platform"],
            params["storage_class"] or "",
            params["size"],
            max(1, params["parallel"]),
            60.0 * params["patience"],
        )
        done = _unpack_run.unpack(_cluster_option.opened(module), order, module.check_mode)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(
            changed=done.changed,
            brought=done.brought,
            absent=done.brought if module.check_mode else sorted(done.problems),
            problems=[
                {"image": image, "failed": True, "text": f"{image.partition('@')[0]} could not be unpacked: {text}"}
                for image, text in done.problems.items()
            ],
            progress=done.lines,
        )


if __name__ == "__main__":
    main()
