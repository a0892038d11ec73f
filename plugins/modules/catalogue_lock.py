#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pin the images of an offer to digests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: catalogue_lock
short_description: Pin the images of an offer to digests
version_added: 0.1.0
description:
  - Reads catalogues and an offer, asks the registries, and writes a lock file that holds every image of the offer at a
    digest, with its environments, kernels and packages.
  - The lock is made to be reviewed and committed; the same input gives the same bytes.
  - A tag that moved since the lock is told, and followed only for the images that O(update) names, or when the
    catalogue gives the image another reference.
  - Everything that is wrong in catalogues, offer and images is told at once, and then nothing is written.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.registries
attributes:
  check_mode:
    description: Does everything but write the file.
    support: full
  diff_mode:
    description: Shows the lock file before and after.
    support: full
requirements:
  - PyYAML for the Python that runs the module
options:
  catalogues:
    description:
      - Catalogues, as paths of files or addresses.
      - An address must be C(https); the C(ca_file) of its host in O(registries) holds for it too.
    type: list
    elements: str
    required: true
  offer:
    description: What the centre offers, see the documentation of the variable C(vre_offer).
    type: dict
    required: true
  lock_file:
    description: Where the lock is.
    type: path
    required: true
  update:
    description:
      - Images whose tag is to be followed where it moved; C(*) means all of them.
    type: list
    elements: str
    default: []
  platforms:
    description: Platforms that every image must have.
    type: list
    elements: str
    default: [linux/amd64]
  workers:
    description: How many images are looked up at the same time.
    type: int
    default: 8
"""

EXAMPLES = r"""
- name: Lock what the centre offers
  gaia_data.vre.catalogue_lock:
    catalogues: "{{ vre_catalogues }}"
    offer: "{{ vre_offer }}"
    lock_file: "{{ inventory_dir }}/vre.lock.yml"
    registries: "{{ vre_registries }}"
  delegate_to: localhost

- name: Follow the tag of one image
  gaia_data.vre.catalogue_lock:
    catalogues: "{{ vre_catalogues }}"
    offer: "{{ vre_offer }}"
    lock_file: "{{ inventory_dir }}/vre.lock.yml"
    registries: "{{ vre_registries }}"
    update: [ocean]
  delegate_to: localhost
"""

RETURN = r"""
lock:
  description: The lock, as it is in the file.
  type: dict
  returned: success
  sample: {version: 1, images: {}}
changes:
  description: What changed, a line an image, for people.
  type: list
  elements: str
  returned: success
  sample: ["ocean 2026.1 → 2026.2, +1 environment (deep), numpy 2.1.0 → 2.2.0"]
moved:
  description: Images whose tag points elsewhere than the lock says, and was not followed.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The image.
      type: str
    reference:
      description: Its reference in the catalogue.
      type: str
    locked:
      description: The digest in the lock.
      type: str
    now:
      description: The digest that the tag points to now; empty when the tag is gone.
      type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _locking, _registries_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "catalogues": {"type": "list", "elements": "str", "required": True},
            "offer": {"type": "dict", "required": True},
            "lock_file": {"type": "path", "required": True},
            "update": {"type": "list", "elements": "str", "default": []},
            "platforms": {"type": "list", "elements": "str", "default": ["linux/amd64"]},
            "workers": {"type": "int", "default": 8},
            **_registries_option.argument_spec(),
        },
        supports_check_mode=True,
    )
    path = Path(module.params["lock_file"])
    try:
        settings = _registries_option.check(module)
        outcome = _locking.run(module.params, settings)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        _finish(module, path, outcome)


def _finish(module: AnsibleModule, path: Path, outcome: _locking.Outcome) -> None:
    for moved in outcome.moved:
        now = f"now points to {moved['now']}" if moved["now"] else "is gone"
        module.warn(f"{moved['name']}: {moved['reference']} {now}; the lock stays at {moved['locked']}")
    changed = outcome.before != outcome.after
    if changed and not module.check_mode:
        new = Path(module.tmpdir) / "vre.lock.yml"
        new.write_text(outcome.after, encoding="utf-8")
        module.atomic_move(str(new), str(path))
    header = {"before_header": str(path), "after_header": str(path)}
    module.exit_json(
        changed=changed,
        lock=outcome.lock,
        changes=outcome.changes,
        moved=outcome.moved,
        diff={"before": outcome.before, "after": outcome.after, **header},
    )


if __name__ == "__main__":
    main()
