#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile the manifest that the hub reads, or offer what the check has passed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: launch_manifest
short_description: Compile the manifest that the hub reads, or offer what the check has passed
version_added: 0.1.0
description:
  - Compiles a lock, an offer and the host's capabilities to the manifest, in one atomic write. It is a file of the
    hub's host, or a key of a ConfigMap, compressed there as C(manifest.json.gz).
  - An image's new digest becomes a candidate, which only the check may launch. With O(promote) the candidates of the
    named images are offered; until then their former digest stays on offer.
  - What was on offer before is retained, up to O(keep) digests of an image. A lock that names one of them brings it
    back at once, as it has passed its check.
  - The hub reads the new manifest by itself; nothing is restarted and no session ends.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - ansible.builtin.files
  - gaia_data.vre.state
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
  path:
    description: Where the hub reads the manifest, without O(config_map).
    type: path
    default: /etc/gaia-vre/manifest.json
  lock:
    description: Content of C(vre.lock.yml). Required without O(promote).
    type: dict
  offer:
    description: The centre's C(vre_offer). Required without O(promote).
    type: dict
  centre:
    description: The centre's C(name) and C(title).
    type: dict
    default: {}
  capabilities:
    description: What M(gaia_data.vre.substrate_info) measured on the host. Required without O(promote).
    type: dict
  check_user:
    description: The user that alone may launch candidates.
    type: str
    default: gaia-vre-check
  mount_kind:
    description: Mount kind to use; without it what the host does best.
    type: str
  keep:
    description: How many digests of an image stay. The offered one counts, too.
    type: int
    default: 2
  store:
    description: Folder of the unpacked images, for the mount kind C(directory).
    type: path
    default: /var/lib/gaia-vre-store
  absent:
    description:
      - References, as C(name@digest), of locked images that are not on the host (yet).
      - What they had on offer stays; they have no candidate.
    type: list
    elements: str
    default: []
  promote:
    description:
      - Digests that passed their check and are to be offered, by image name, as M(gaia_data.vre.session_check)
        returns them.
      - A candidate of another digest stays one.
    type: dict
"""

EXAMPLES = r"""
- name: Write the manifest, with what is new as candidates
  gaia_data.vre.launch_manifest:
    lock: "{{ lookup('ansible.builtin.file', 'vre.lock.yml') | from_yaml }}"
    offer: "{{ vre_offer }}"
    centre: "{{ vre_centre }}"
    capabilities: "{{ substrate.capabilities }}"

- name: The same for a hub on a cluster
  gaia_data.vre.launch_manifest:
    config_map: gaia-vre
    namespace: jupyterhub
    lock: "{{ lookup('ansible.builtin.file', 'vre.lock.yml') | from_yaml }}"
    offer: "{{ vre_offer }}"
    centre: "{{ vre_centre }}"
    capabilities: "{{ substrate.capabilities }}"

- name: Offer what passed
  gaia_data.vre.launch_manifest:
    promote: {ocean: "sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"}
"""

RETURN = r"""
path:
  description: Where the manifest is; the key of a ConfigMap in words.
  type: str
  returned: success
candidates:
  description: Names of images with a candidate that waits for its check.
  type: list
  elements: str
  returned: success
offered:
  description: Names of images that users may launch.
  type: list
  elements: str
  returned: success
mount_kind:
  description: The mount kind that the manifest uses.
  type: str
  returned: success
notes:
  description: What a person should know, a sentence each.
  type: list
  elements: str
  returned: success
"""

import contextlib
import functools
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _config_map, _manifest
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import LAST, MANIFEST, Texts
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout


def _compile(params: dict[str, Any], place: str, before: Texts) -> tuple[dict[str, str], _manifest.Compiled]:
    """The manifest that is wanted, given the texts that are there."""
    previous, notes = None, []
    try:
        previous = _manifest.load(before[MANIFEST]) if MANIFEST in before else None
    except VreError as error:
        if params["promote"] is not None:
            raise
        notes.append(f"the manifest that was there is not usable and is made anew: {error}")
        with contextlib.suppress(VreError):
            previous = _manifest.load(before.get(LAST, ""))
    if params["promote"] is not None:
        if previous is None:
            raise VreError("there is no manifest yet", where=place, remedy="run publish first")
        compiled = _manifest.promote(previous, params["promote"], params["keep"])
    else:
        compiled = _manifest.compile_manifest(
            params["lock"],
            params["offer"],
            params["capabilities"],
            params["centre"],
            params["check_user"],
            params["mount_kind"],
            previous,
            params["keep"],
            params["store"],
            params["absent"],
        )
    compiled.notes[:0] = notes
    text = _manifest.dump(compiled.manifest)
    return {MANIFEST: text, LAST: text}, compiled


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "lock": {"type": "dict"},
            "offer": {"type": "dict"},
            "centre": {"type": "dict", "default": {}},
            "capabilities": {"type": "dict"},
            "check_user": {"type": "str", "default": "gaia-vre-check"},
            "mount_kind": {"type": "str"},
            "keep": {"type": "int", "default": _manifest.KEEP},
            "store": {"type": "path", "default": layout.DEFAULT},
            "absent": {"type": "list", "elements": "str", "default": []},
            "promote": {"type": "dict"},
            **_config_map.argument_spec(),
        },
        add_file_common_args=True,
        supports_check_mode=True,
        required_one_of=[("lock", "promote")],
        required_by={"lock": ("offer", "capabilities")},
        mutually_exclusive=[("lock", "promote")],
    )
    params = module.params
    try:
        state = _config_map.of(module, params["path"])
        place = state.place(MANIFEST)
        change = state.change(functools.partial(_compile, params, place), module.check_mode)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        changed, compiled = change.changed, change.result
        if not params["config_map"] and Path(params["path"]).is_file():
            arguments = module.load_file_common_arguments(params, path=params["path"])
            changed = module.set_fs_attributes_if_different(arguments, changed)
        module.exit_json(
            changed=changed,
            path=place,
            candidates=compiled.candidates,
            offered=compiled.offered,
            mount_kind=compiled.manifest["mount_kind"],
            notes=compiled.notes,
            diff=change.diff(place, MANIFEST),
        )


if __name__ == "__main__":
    main()
