#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the hub that is installed and configured, or go back to the former one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_switch
short_description: Start the hub that is installed and configured, or go back to the former one
version_added: 0.1.0
description:
  - Looks whether proxy and hub run, also after a reboot, with the releases, files and certificate that are there now,
    and does nothing where they do. What a service read is recorded by its unit when it starts, so a play that was ended
    at any moment is made good.
  - Otherwise points the links C(hub) and C(proxy) to the wanted releases, and starts again what reads something that
    changed. A certificate alone is taken by the running proxy.
  - Where another JupyterHub needs another schema of the database, the hub is stopped, the database copied, and its
    schema moved, also backwards.
  - When the hub does not answer in time, releases, files and database are put back as they were when it last answered,
    and the former hub starts. The module fails then, with the last words of the new one.
  - Another play that switches, installs or restores on the same host is waited for.
  - Sessions run elsewhere and are not touched.
author:
  - Gaia Data (@gaia-data)
attributes:
  check_mode:
    description: Says what would start again, and why.
    support: full
  diff_mode:
    description: Shows the releases, and what starts again.
    support: full
options:
  root:
    description: Folder of the releases, of the links to them and of what is kept for the way back.
    type: path
    default: /opt/gaia-vre
  hub_release:
    description: Folder in O(root) with the virtual environment of the hub that is to run.
    type: path
    required: true
  proxy_release:
    description: Folder in O(root) with the proxy that is to run.
    type: path
    required: true
  hub_reads:
    description: Files and folders that the hub reads when it starts.
    type: list
    elements: path
    required: true
  proxy_reads:
    description: Files and folders that the proxy reads when it starts.
    type: list
    elements: path
    required: true
  records:
    description: Folder where the units record what they read.
    type: path
    default: /run/gaia-vre
  settings:
    description: File whose C(db_url) names the database.
    type: path
    default: /etc/gaia-vre/secrets/settings.json
  state:
    description: Working directory of the hub.
    type: path
    default: /var/lib/gaia-vre
  user:
    description: The hub's user.
    type: str
    default: gaia-vre
  backup_command:
    description: Writes a dump of a database that is not SQLite to its output.
    type: str
    default: ""
  restore_command:
    description: Reads such a dump from its input.
    type: str
    default: ""
  health_url:
    description: Where the proxy answers on this host, with the path of the hub's health.
    type: str
    required: true
  hub_url:
    description: The address that users type.
    type: str
    required: true
  certificate:
    description: File of the certificate that the proxy is to give; without it there is no TLS.
    type: path
  retries:
    description: Seconds that a hub may take to answer.
    type: int
    default: 60
  pending:
    description:
      - For whom the play changed files before. It matters in check mode, where these were not written; otherwise the
        files decide.
    type: list
    elements: str
    choices: [hub, proxy, certificate]
    default: []
"""

EXAMPLES = r"""
- name: Proxy and hub run with what is there now, or the former ones go on
  gaia_data.vre.hub_switch:
    hub_release: /opt/gaia-vre/hub-0f1e2d3c4b5a
    proxy_release: /opt/gaia-vre/proxy-a5b4c3d2e1f0
    hub_reads: [/etc/gaia-vre/jupyterhub_config.py, /opt/gaia-vre/hub/.installed]
    proxy_reads: [/opt/gaia-vre/proxy/.installed]
    health_url: http://127.0.0.1:8000/hub/health
    hub_url: http://hub.example.org
"""

RETURN = r"""
actions:
  description: What was done, or would be, and why.
  type: list
  elements: str
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _switch
from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/opt/gaia-vre"},
            "hub_release": {"type": "path", "required": True},
            "proxy_release": {"type": "path", "required": True},
            "hub_reads": {"type": "list", "elements": "path", "required": True},
            "proxy_reads": {"type": "list", "elements": "path", "required": True},
            "records": {"type": "path", "default": "/run/gaia-vre"},
            "settings": {"type": "path", "default": "/etc/gaia-vre/secrets/settings.json"},
            "state": {"type": "path", "default": "/var/lib/gaia-vre"},
            "user": {"type": "str", "default": "gaia-vre"},
            "backup_command": {"type": "str", "default": "", "no_log": True},
            "restore_command": {"type": "str", "default": "", "no_log": True},
            "health_url": {"type": "str", "required": True},
            "hub_url": {"type": "str", "required": True},
            "certificate": {"type": "path"},
            "retries": {"type": "int", "default": 60},
            "pending": {"type": "list", "elements": "str", "choices": ["hub", "proxy", "certificate"], "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    root = Path(params["root"])
    database = Database(
        settings=Path(params["settings"]),
        user=params["user"],
        library=root / "lib",
        state=Path(params["state"]),
        folder=root,
        backup_command=params["backup_command"],
        restore_command=params["restore_command"],
    )
    wanted = _switch.Wanted(
        root=root,
        releases={"hub": Path(params["hub_release"]), "proxy": Path(params["proxy_release"])},
        reads={_switch.PROXY: params["proxy_reads"], _switch.HUB: params["hub_reads"]},
        records=Path(params["records"]),
        database=database,
        health_url=params["health_url"],
        hub_url=params["hub_url"],
        certificate=params["certificate"],
        retries=params["retries"],
    )
    switch = _switch.Switch(wanted, params["pending"] if module.check_mode else ())
    _switch.outlive_connection()
    try:
        with _switch.alone(root):
            changed = switch.look()
            if changed and not module.check_mode:
                switch.act()
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=changed, actions=switch.told(), diff=switch.diff())


if __name__ == "__main__":
    main()
