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
  - Reads the manifest, the results of the last checks and the announcement beside it, the sessions that run, the
    services and the disks of a hub's host. Changes nothing, and asks neither the hub nor a registry.
  - Names users, so its result is for admins.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
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
    description: Path of the manifest that the hub reads, on the host that runs the module.
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
  description: What systemd says of each unit.
  type: dict
  returned: success
jupyterhub:
  description: Version of the JupyterHub that runs; empty where none is installed.
  type: str
  returned: success
disks:
  description: C(path) and bytes C(free) and C(total) of each file system with images or state.
  type: list
  elements: dict
  returned: success
report:
  description: Lines for a person.
  type: list
  elements: str
  returned: success
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _check, _status, _switch
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import layout

HUB = Path("/opt/gaia-vre/hub")


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "store": {"type": "path", "default": layout.DEFAULT},
            "jobs": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )

    def run(command: Sequence[str]) -> tuple[int, str]:
        code, output, error = module.run_command(list(command), environ_update={"LC_ALL": "C.UTF-8"})
        return code, output or error

    path = module.params["manifest"]
    try:
        manifest = _check.manifest(path)
        checks = _status.beside(path, "checks.json")
        notice = _status.beside(path, "notice.json")
        lines = module.params["jobs"]
        running = _status.sessions(run) if lines is None else _status.jobs(lines, manifest)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        services, disks = _status.units(run), _status.disks(module.params["store"])
        now = datetime.now(timezone.utc)
        hub = _switch.jupyterhub(HUB)
        lines = _status.report(manifest, checks, notice, running, now) + _status.host_report(hub, services, disks)
        module.exit_json(
            changed=False,
            images=_status.images(manifest, checks),
            sessions=running,
            jupyterhub=hub,
            services=services,
            disks=disks,
            report=lines,
        )


if __name__ == "__main__":
    main()
