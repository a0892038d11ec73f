#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a hub into one archive, while it runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_backup
short_description: Put a hub into one archive, while it runs
version_added: 0.1.0
description:
  - The archive holds the database as it is at one moment, the hub's secrets, what it offers, the lock, and homes.
  - It is complete or absent, and only its owner may read it. Whoever has it can act as any user of the hub.
author:
  - Gaia Data (@gaia-data)
attributes:
  check_mode:
    description: Says what the archive would hold.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
options:
  dest:
    description: The archive, a path on the hub's host. Its owner becomes the one of its folder.
    type: path
    required: true
  host:
    description: Name of the host, noted in the archive.
    type: str
    required: true
  lock:
    description: Text of the lock.
    type: str
    default: ""
  offer:
    description: Files of what the hub offers; those that do not exist are passed over.
    type: list
    elements: path
    required: true
  homes:
    description: Folder by name of each home that goes into the archive.
    type: dict
    default: {}
  root:
    description: Folder of the hub's releases.
    type: path
    default: /opt/gaia-vre
  secrets:
    description: Folder of the hub's secrets; its C(settings.json) names the database and is not in the archive.
    type: path
    default: /etc/gaia-vre/secrets
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
"""

EXAMPLES = r"""
- name: The hub in one archive
  gaia_data.vre.hub_backup:
    dest: /root/hub.tar.gz
    host: hub.example.org
    offer: [/etc/gaia-vre/manifest.json]
"""

RETURN = r"""
about:
  description: What the archive holds, also in its C(about.json).
  type: dict
  returned: success
  sample:
    version: 1
    host: hub.example.org
    at: "2026-11-25T10:00:00Z"
    hub: hub-0123456789ab (JupyterHub 6.1.1)
    jupyterhub: 6.1.1
    database: sqlite
    notice: ""
    homes: []
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils._backup import Backup
from ansible_collections.gaia_data.vre.plugins.module_utils._database import Database
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "host": {"type": "str", "required": True},
            "lock": {"type": "str", "default": ""},
            "offer": {"type": "list", "elements": "path", "required": True},
            "homes": {"type": "dict", "default": {}},
            "root": {"type": "path", "default": "/opt/gaia-vre"},
            "secrets": {"type": "path", "default": "/etc/gaia-vre/secrets", "no_log": False},
            "state": {"type": "path", "default": "/var/lib/gaia-vre"},
            "user": {"type": "str", "default": "gaia-vre"},
            "backup_command": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    root, secrets = Path(params["root"]), Path(params["secrets"])
    database = Database(
        settings=secrets / "settings.json",
        user=params["user"],
        library=root / "lib",
        state=Path(params["state"]),
        folder=root,
        backup_command=params["backup_command"],
    )
    backup = Backup(
        host=params["host"],
        release=root / "hub",
        database=database,
        secrets=secrets,
        offer=[Path(path) for path in params["offer"]],
        lock=params["lock"],
        homes=params["homes"],
    )
    try:
        about = backup.about() if module.check_mode else backup.write(Path(params["dest"]))
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=True, about=about)


if __name__ == "__main__":
    main()
