#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring images to the nodes of a cluster, and keep them there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prepull
short_description: Bring images to the nodes of a cluster, and keep them there
version_added: 0.1.0
description:
  - Brings images by their digests to every node that sessions may run on, by DaemonSets of pods that do nothing but
    hold a few images each. As long as these pods are there, no node removes an image to save room.
  - The groups are stable. A new image goes where there is room, or into a new group; nothing else moves. Where a group
    changes, each node has the new pod before the former one goes.
  - The next group is begun when the one before it is there, or after some seconds, as a node pulls a few images at a
    time.
  - An image that no node can pull is taken out again, so that it holds no other one. One that only some nodes cannot
    pull stays, and these nodes are named. Neither fails the module; RV(problems) tells them.
  - What a run that was killed has brought is not brought again.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.cluster
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
options:
  images:
    description: References by digest. A tag beside it does not count.
    type: list
    elements: str
    required: true
  volumes:
    description:
      - Whether images are held as volumes.
      - Without it they run as containers that sleep, for clusters that cannot mount images. Then they must be system
        images.
    type: bool
    default: true
  pause_image:
    description: Reference of an image that does nothing, for the pods. Required with O(volumes).
    type: str
  pull_secret:
    description: Name of the Secret with the registries' logins.
    type: str
  tolerations:
    description: Tolerations of sessions' pods.
    type: list
    elements: dict
    default: []
  node_selector:
    description: Labels of the nodes that sessions run on.
    type: dict
    default: {}
  patience:
    description: Minutes to wait for the images. Pulls that take longer go on.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Bring what is locked to the nodes
  gaia_data.vre.image_prepull:
    namespace: jupyterhub
    images:
      - registry.example.org/vre/lab@{{ lock.images.lab.digest }}
      - registry.example.org/vre/ocean@{{ lock.images.ocean.digest }}
    pause_image: registry.example.org/vre/pause:1
    pull_secret: gaia-vre-registries
"""

RETURN = r"""
brought:
  description: >-
    References that were in no group before and are on every node now; in check mode, those that would be brought.
  type: list
  elements: str
  returned: success
there:
  description: References that are on every node that answers; in check mode, those that are in a group already.
  type: list
  elements: str
  returned: success
absent:
  description: References that are not on every node that answers; in check mode, those that are in no group yet.
  type: list
  elements: str
  returned: success
problems:
  description: Why an image is not on a node.
  type: list
  elements: dict
  returned: success
  contains:
    image:
      description: Its reference; empty where it is about the node.
      type: str
    node:
      description: The node; empty where it is about all of them.
      type: str
    failed:
      description: Whether waiting does not help.
      type: bool
    text:
      description: What is wrong, in the words of the node, and the remedy.
      type: str
progress:
  description: What was there when, a line each.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster_option, _prepull, _prepull_run
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "volumes": {"type": "bool", "default": True},
            "pause_image": {"type": "str"},
            "pull_secret": {"type": "str", "no_log": False},
            "tolerations": {"type": "list", "elements": "dict", "default": []},
            "node_selector": {"type": "dict", "default": {}},
            "patience": {"type": "int", "default": 10},
            **_cluster_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["volumes"] and not params["pause_image"]:
            raise VreError("volumes of images need a pod that runs something", "pause_image", None, "name an image")
        settings = _prepull.Settings(
            params["pull_secret"] or "", params["pause_image"] or "", params["tolerations"], params["node_selector"]
        )
        wanted = _prepull_run.Wanted(
            _prepull.references(params["images"]),
            params["volumes"],
            settings,
            60.0 * params["patience"],
        )
        found = _prepull_run.Prepull(_cluster_option.opened(module), wanted).run(module.check_mode)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        absent = found.new if module.check_mode else found.absent
        there = [image for image in wanted.images if image not in absent]
        module.exit_json(
            changed=found.changed,
            brought=[image for image in found.new if module.check_mode or image in there],
            there=there,
            absent=absent,
            problems=[problem.row() for problem in found.problems],
            progress=found.lines,
            diff={"before": _prepull.text(found.before), "after": _prepull.text(found.after)},
        )


if __name__ == "__main__":
    main()
