#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell the other hubs of a store what this one keeps there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_keep
short_description: Tell the other hubs of a store what this one keeps there
version_added: 0.1.0
description:
  - Several hubs may share a store. Each writes down which images it keeps, and M(gaia_data.vre.image_clean) removes
    none of these.
  - A hub keeps what its manifest has (offered, candidate or retained), and what is in its lock.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
options:
  store:
    description: The store's folder.
    type: path
    required: true
  hub:
    description: The hub's name in the store, C(gaia-vre-) and letters and digits.
    type: str
    required: true
  address:
    description: The hub's address, by which others are told who keeps an image.
    type: str
    required: true
  manifest:
    description: The manifest that the hub reads; there is none before its first deployment.
    type: path
    default: /etc/gaia-vre/manifest.json
  lock:
    description: Content of C(vre.lock.yml).
    type: dict
    required: true
  timeout:
    description: Seconds to wait for a play that changes the store.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: What this hub keeps
  gaia_data.vre.store_keep:
    store: /shared/gaia-vre
    hub: gaia-vre-4f2a90
    address: https://hub.example.org
    lock: "{{ lookup('ansible.builtin.file', 'vre.lock.yml') | from_yaml }}"
"""

RETURN = r"""
kept:
  description: Digests that the hub keeps.
  type: list
  elements: str
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _clean, _lock
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import hubs, layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "store": {"type": "path", "required": True},
            "hub": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "lock": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    params = module.params
    store = Store(Path(params["store"]))
    try:
        layout.check(params["store"])
        hubs.check(params["hub"])
        lock = list(_lock.check(params["lock"]).values())
        before = hubs.before(store.folder, params["hub"])
        wanted = _clean.keep(before, params["address"], Path(params["manifest"]), lock)
        changed = wanted != before
        if changed and not module.check_mode:
            # Who cleans at the moment has not seen it: what goes there is missing afterwards, and is brought again.
            with store.locked(params["timeout"]):
                hubs.write(store.folder, params["hub"], wanted)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        former = hubs.digests(before.names) if before else []
        now = hubs.digests(wanted.names)
        diff = {"before": "".join(f"{one}\n" for one in former), "after": "".join(f"{one}\n" for one in now)}
        module.exit_json(changed=changed, kept=now, diff=diff)


if __name__ == "__main__":
    main()
