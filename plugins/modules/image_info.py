#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what registries hold for references to images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Tell what registries hold for references to images
version_added: 0.1.0
description:
  - Gives digest, platforms, compressed bytes and the labels of the image contract, which are checked.
  - Many images are looked up at the same time, mostly with one request each. No layer is downloaded.
  - What is wrong with an image is its RV(images[].error), not a failure of the module.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.registries
attributes:
  check_mode:
    description: Changes nothing anyway.
    support: full
  diff_mode:
    description: Changes nothing anyway.
    support: none
options:
  references:
    description: References with their registry, and a tag or a digest.
    type: list
    elements: str
    required: true
  workers:
    description: How many images are looked up at the same time.
    type: int
    default: 8
"""

EXAMPLES = r"""
- name: What does the registry hold?
  gaia_data.vre.image_info:
    references:
      - registry.example.org/vre/lab:2026.11
      - registry.example.org/vre/ocean:2026.1
    registries: "{{ vre_registries }}"
  delegate_to: localhost
  register: found

- name: They are right
  ansible.builtin.assert:
    that: found.images | map(attribute='error') | select | length == 0
"""

RETURN = r"""
images:
  description: One for each reference, in the same order.
  type: list
  elements: dict
  returned: success
  contains:
    reference:
      description: The reference that was asked for.
      type: str
    digest:
      description: Digest of what it points to, an index or a manifest; empty when there is no answer.
      type: str
    platforms:
      description: For each platform the C(digest) of its manifest and its C(size), the compressed bytes.
      type: dict
      sample: {linux/amd64: {digest: "sha256:…", size: 41234567}}
    contract:
      description: The labels of the image contract, checked; empty when they break it.
      type: dict
      contains:
        kind:
          description: C(system) or C(business).
          type: str
        version:
          description: Version of the image, as its author calls it.
          type: str
        title:
          description: Title of the image.
          type: str
        license:
          description: License of the image.
          type: str
        mount_path:
          description: Where a business image must be mounted; null for a system image.
          type: str
        environments:
          description: Kernels and packages of each environment of a business image.
          type: dict
    error:
      description: What is wrong, with the remedy; empty when nothing is.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _image_info, _registries_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._registry import Registries


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "references": {"type": "list", "elements": "str", "required": True},
            "workers": {"type": "int", "default": 8},
            **_registries_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        settings = _registries_option.check(module)
        with Registries.open(settings, params["authfile"]) as registries:
            images = _image_info.describe_all(registries, params["references"], params["workers"])
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()
