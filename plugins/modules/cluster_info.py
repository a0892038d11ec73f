#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what a kubeconfig may do in a namespace, and what of a hub runs there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Tell what a kubeconfig may do in a namespace, and what of a hub runs there
version_added: 0.1.0
description:
  - Asks a cluster which of the wanted rights are missing, for the namespace and its PodSecurity level, and for the
    pods of the hub and of sessions. Changes nothing.
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
  rights:
    description: What must be allowed.
    type: list
    elements: dict
    default: []
    suboptions:
      group:
        description: API group; empty for the core one.
        type: str
        default: ""
      resources:
        description: Resources of that group, in the plural.
        type: list
        elements: str
        required: true
      verbs:
        description: What is to be done with them.
        type: list
        elements: str
        required: true
      name:
        description: The only object that it is wanted for.
        type: str
      cluster_wide:
        description: Whether these resources are in no namespace.
        type: bool
        default: false
      why:
        description: What it is needed for, for people.
        type: str
        required: true
  release:
    description: Name of a release of Helm, to tell about.
    type: str
    default: ""
  secret:
    description: Name of a Secret, to tell the checksum of its data.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: May images be brought to the nodes?
  gaia_data.vre.cluster_info:
    namespace: jupyterhub
    rights:
      - {group: apps, resources: [daemonsets], verbs: [get, list, create, patch, delete], why: images on the nodes}
  register: cluster
"""

RETURN = r"""
version:
  description: Version of the API server.
  type: str
  returned: success
namespace:
  description: Whether the namespace is there.
  type: bool
  returned: success
ours:
  description: Whether the collection made it.
  type: bool
  returned: success
code:
  description: Names of the ConfigMaps with code of the hub.
  type: list
  elements: str
  returned: success
level:
  description: The PodSecurity level that the namespace enforces; empty for none.
  type: str
  returned: success
missing:
  description: A sentence for each of the rights that is missing.
  type: list
  elements: str
  returned: success
hub:
  description: Of each of the hub's pods C(name), C(ready), C(config_maps) that it has as files.
  type: list
  elements: dict
  returned: success
release:
  description: >-
    Of the last revision of a release of Helm C(record) (the Secret that Helm keeps it in), C(status), C(began),
    C(chart) (name, version and C(appVersion)) and C(checksum) of its values; null for none.
  type: dict
  returned: success
secret:
  description: Checksum of a Secret's data; empty where there is none.
  type: str
  returned: success
sessions:
  description: Of each session that starts or runs C(user), C(pod), C(digests) of its images.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _cluster_info, _cluster_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    right = {
        "group": {"type": "str", "default": ""},
        "resources": {"type": "list", "elements": "str", "required": True},
        "verbs": {"type": "list", "elements": "str", "required": True},
        "name": {"type": "str"},
        "cluster_wide": {"type": "bool", "default": False},
        "why": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "rights": {"type": "list", "elements": "dict", "default": [], "options": right},
            "release": {"type": "str", "default": ""},
            "secret": {"type": "str", "default": "", "no_log": False},
            **_cluster_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    try:
        params = module.params
        rights = _cluster_info.rights(params["rights"])
        found = _cluster_info.look(_cluster_option.opened(module), rights, params["release"], params["secret"])
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
