#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what a centre's host offers and who uses it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: centre_info
short_description: Tell what a centre's host offers and who uses it
version_added: 0.1.0
description:
  - Reads the manifest, the results of the last checks and the announcement beside it, the sessions that run, and the
    services and the disks of a hub's host, or the hub's pods on a cluster. Changes nothing, and asks neither the hub
    nor a registry.
  - Names users, so its result is for admins.
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
    description: Path of the manifest that the hub reads, on the host that runs the module, without O(config_map).
    type: path
    default: /etc/gaia-vre/manifest.json
  store:
    description: The store's folder.
    type: path
    default: /var/lib/gaia-vre-store
  jobs:
    description:
      - Where sessions are jobs, a line for each with its name, user, job, the digests of its images (or how they
        begin) with commas between them, and since when. No container engine is asked then.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: What is there now?
  gaia_data.vre.centre_info:
  register: centre

- name: The same for a hub on a cluster
  gaia_data.vre.centre_info:
    config_map: gaia-vre
    namespace: jupyterhub
  register: centre
"""

RETURN = r"""
images:
  description: >-
    Of each image C(offered) and C(candidate) (version and digest, or null), C(retained) (a list of these) and C(check)
    (its last check, or null).
  type: dict
  returned: success
sessions:
  description: >-
    Of each session C(user), C(since), C(composition) (null for a choice of one's own) and C(images) with digests.
  type: list
  elements: dict
  returned: success
services:
  description: What systemd says of each unit, or the cluster of each of the hub's own pods.
  type: dict
  returned: success
jupyterhub:
  description: Version of the JupyterHub that runs; empty where none is installed.
  type: str
  returned: success, without O(config_map)
disks:
  description: C(path) and bytes C(free) and C(total) of each file system with images or state.
  type: list
  elements: dict
  returned: success, without O(config_map)
report:
  description: Lines for a person.
  type: list
  elements: str
  returned: success
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _check, _config_map, _status, _switch
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster
from ansible_collections.gaia_data.vre.plugins.module_utils._state import CHECKS, NOTICE
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout

HUB = Path("/opt/gaia-vre/hub")
Found = tuple[list[dict[str, Any]], dict[str, Any], list[str]]


def _host(module: AnsibleModule, manifest: Mapping[str, Any]) -> Found:
    """Sessions of a host, what else is told of it, and lines on that."""

    def run(command: Sequence[str]) -> tuple[int, str]:
        code, output, error = module.run_command(list(command), environ_update={"LC_ALL": "C.UTF-8"})
        return code, output or error

    lines = module.params["jobs"]
    running = _status.sessions(run) if lines is None else _status.jobs(lines, manifest)
    services, disks = _status.units(run), _status.disks(module.params["store"])
    hub = _switch.jupyterhub(HUB)
    found = {"jupyterhub": hub, "services": services, "disks": disks}
    return running, found, _status.host_report(hub, services, disks)


def _cluster(cluster: Cluster) -> Found:
    """The same of a cluster."""
    running = _status.pods(cluster.list("Pod", _status.SESSION))
    services = _status.services([pod for labels in _status.SERVICES for pod in cluster.list("Pod", labels)])
    lines = _status.cluster_report(cluster.version(), cluster.namespace, services)
    return running, {"services": services}, lines


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "store": {"type": "path", "default": layout.DEFAULT},
            "jobs": {"type": "list", "elements": "str"},
            **_config_map.argument_spec(),
        },
        supports_check_mode=True,
    )
    try:
        state = _config_map.of(module, module.params["manifest"])
        manifest = _check.manifest(state)
        texts = state.read()
        if isinstance(state, _config_map.ConfigMap):
            running, found, lines = _cluster(state.cluster)
        else:
            running, found, lines = _host(module, manifest)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        checks, notice = (_status.parsed(texts.get(name, "")) for name in (CHECKS, NOTICE))
        report = _status.report(manifest, checks, notice, running, datetime.now(timezone.utc))
        module.exit_json(
            changed=False,
            images=_status.images(manifest, checks),
            sessions=running,
            report=report + lines,
            **found,
        )


if __name__ == "__main__":
    main()
