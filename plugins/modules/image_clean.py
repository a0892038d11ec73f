#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove staged images that nothing needs any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_clean
short_description: Remove staged images that nothing needs any more
version_added: 0.1.0
description:
  - Removes images that the collection staged on this host and that are neither in the manifest (offered, candidate or
    retained), nor in the lock, nor used by a container, be it running or stopped, or by a job, nor kept by another hub
    of the store.
  - What was not staged by the collection is never touched.
  - On a cluster, images are given up that pods of the collection keep on its nodes; a node removes them when it needs
    room. What is unpacked into a claim stays there.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.state
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
  manifest:
    description: The manifest that the hub reads.
    type: path
    default: /etc/gaia-vre/manifest.json
  lock:
    description: Content of C(vre.lock.yml); what it names may be about to be published.
    type: dict
    required: true
  store:
    description: The store's folder.
    type: path
    default: /var/lib/gaia-vre-store
  jobs:
    description:
      - Digests of the images that jobs use, or their beginnings of four digits or more, where sessions are jobs. No
        container engine is asked then.
      - Without it, sessions are containers.
    type: list
    elements: str
  hub:
    description:
      - Name of the hub whose manifest this is, where several share the store, as M(gaia_data.vre.store_keep) has it.
      - What the other hubs keep stays; nothing is removed when one of them does not say.
    type: str
  timeout:
    description: Seconds to wait for a play that changes the store.
    type: int
    default: 3600
  pause_image:
    description: As for M(gaia_data.vre.image_prepull), with O(config_map).
    type: str
  pull_secret:
    description: As for M(gaia_data.vre.image_prepull), with O(config_map).
    type: str
  tolerations:
    description: As for M(gaia_data.vre.image_prepull), with O(config_map).
    type: list
    elements: dict
    default: []
  node_selector:
    description: As for M(gaia_data.vre.image_prepull), with O(config_map).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: What is not needed any more goes
  gaia_data.vre.image_clean:
    lock: "{{ lookup('ansible.builtin.file', 'vre.lock.yml') | from_yaml }}"

- name: The same where sessions are jobs
  gaia_data.vre.image_clean:
    lock: "{{ lookup('ansible.builtin.file', 'vre.lock.yml') | from_yaml }}"
    store: /shared/gaia-vre/store
    jobs: ["sha256:0f4c0e2b5b0f1c2f9fb1f3a7ce0f0a4a9a5e5f0f5c1c5f2c5d6c7e8f9a0b1c2d"]
"""

RETURN = r"""
images:
  description: References that were removed, or would be, with their bytes, of which a cluster tells nothing.
  type: dict
  returned: success
folders:
  description: Images of the store that were removed, or would be, by path, with their bytes on the disk.
  type: dict
  returned: success
blobs:
  description: Bytes of fetched layers that were removed, or would be.
  type: int
  returned: success
in_use:
  description: What is not needed by the manifest but used by a container or job, or what the engine refused to remove.
  type: list
  elements: str
  returned: success
kept:
  description: What this hub does not need, but another hub of the store keeps, by that hub's address.
  type: dict
  returned: success
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import (
    _clean,
    _cluster_info,
    _cluster_option,
    _config_map,
    _lock,
    _prepull,
    _prepull_run,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import MANIFEST
from ansible_collections.gaia_data.vre.plugins.module_utils._status import SESSION
from ansible_collections.gaia_data.vre.plugins.module_utils._store import hubs, layout
from ansible_collections.gaia_data.vre.plugins.module_utils._store.store import Store


def _clean_nodes(module: AnsibleModule) -> _clean.Cleaned:
    """What a cluster's nodes need not keep any more.

    :raises VreError: without a manifest, or when the cluster refuses.
    """
    params, check = module.params, module.check_mode
    cluster = _cluster_option.opened(module)
    state = _config_map.ConfigMap(cluster, params["config_map"])
    text = state.read().get(MANIFEST, "")
    keep = _clean.needed_by(text, state.place(MANIFEST), _lock.check(params["lock"]).values())
    running = {one for session in _cluster_info.sessions(cluster.list("Pod", SESSION)) for one in session["digests"]}
    there = cluster.list("DaemonSet", _prepull.MINE)
    groups = [group for one in there if (group := _prepull.group_of(one)) is not None]
    # Each once: after a change of the mount kind, groups of both forms may have it.
    held = list(dict.fromkeys(image for group in groups for image in group.images))
    stay, in_use = _clean.on_nodes(held, keep, running)
    settings = _prepull.Settings(
        params["pull_secret"] or "", params["pause_image"] or "", params["tolerations"], params["node_selector"]
    )
    gone = [image for image in held if image not in stay]
    if not check:
        _prepull_run.give_up(cluster, there, gone, settings)
    return _clean.Cleaned(images=dict.fromkeys(gone, 0), in_use=in_use)


def _clean_host(module: AnsibleModule) -> _clean.Cleaned:
    """What this host need not keep any more.

    :raises VreError: without a manifest, or when the engine does not tell what is in use.
    """
    params = module.params
    store = Store(Path(params["store"]))
    layout.check(params["store"])
    jobs: list[str] | None = params["jobs"]
    _clean.check_jobs(jobs or ())
    manifest, lock = Path(params["manifest"]), _lock.check(params["lock"]).values()
    if params["hub"] is not None:
        hubs.check(params["hub"])

    def clean() -> _clean.Cleaned:
        others = hubs.others(store.folder, params["hub"]) if params["hub"] else {}
        return _clean.clean(store, _clean.needed(manifest, lock), module.check_mode, jobs, others)

    _clean.needed(manifest, lock)  # before the store is touched
    if module.check_mode:
        return clean()
    with store.locked(params["timeout"]):
        return clean()  # reads all of it again: the play that was waited for may have written another one


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "lock": {"type": "dict", "required": True},
            "store": {"type": "path", "default": layout.DEFAULT},
            "jobs": {"type": "list", "elements": "str"},
            "hub": {"type": "str"},
            "timeout": {"type": "int", "default": 3600},
            "pause_image": {"type": "str"},
            "pull_secret": {"type": "str", "no_log": False},
            "tolerations": {"type": "list", "elements": "dict", "default": []},
            "node_selector": {"type": "dict", "default": {}},
            **_config_map.argument_spec(),
        },
        supports_check_mode=True,
    )
    try:
        found = _clean_nodes(module) if module.params["config_map"] else _clean_host(module)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        changed = bool(found.images or found.folders or found.blobs)
        module.exit_json(changed=changed, **asdict(found))


if __name__ == "__main__":
    main()
