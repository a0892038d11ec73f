#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build a business image (conda environments only) and push it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: business_image
short_description: Build a business image (conda environments only) and push it
version_added: 0.1.0
description:
    - A business image holds conda environments, installed for the path at which sessions mount the image.
    - No daemon and no root is needed.
    - Nothing is built when the registry already holds an image made of the same inputs.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.image_build
  - gaia_data.vre.registries
requirements:
  - py-rattler, zstandard and PyYAML for the Python that runs the module
  - bubblewrap
"""

EXAMPLES = r"""
- name: Build and push the image
  gaia_data.vre.business_image:
    folder: images/ocean
    reference: registry.example.org/vre/ocean:2026.1
    channels: [https://channel.example.org]
    cache_dir: /var/cache/gaia-vre
    registries:
      registry.example.org: {username: vre, password: "{{ vault_registry_password }}"}
"""

RETURN = r"""
reference:
  description: The reference that was asked for; empty without one.
  type: str
  returned: success
digest:
  description: Digest of the image that is now there; empty in check mode when it would be built.
  type: str
  returned: success
inputs:
  description: Digest of everything that the image is made of.
  type: str
  returned: success
packages:
  description: Versions of the packages that were asked for, by environment.
  type: dict
  returned: success
  sample: {ocean: {numpy: 2.3.5, python: 3.13.15}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _registries_option
from ansible_collections.gaia_data.vre.plugins.module_utils._build import produce
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            **produce.argument_spec(),
            **_registries_option.argument_spec(),
        },
        required_one_of=[["reference", "layout"]],
        supports_check_mode=True,
    )
    try:
        registries = _registries_option.check(module)
        result = produce.produce("business", module.params, registries, module.check_mode)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
