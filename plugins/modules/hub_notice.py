#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell users something on the launch page, and let no new session start."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_notice
short_description: Tell users something on the launch page, and let no new session start
version_added: 0.1.0
description:
  - Writes the announcement that the hub shows at once. It restarts nothing and ends no session.
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
    support: full
  platform:
    platforms: posix
options:
  state:
    description:
      - With V(announce) users are told; with V(drain) no new session starts, either; with V(off) all is as usual.
    type: str
    choices: [announce, drain, "off"]
    required: true
  text:
    description: A sentence, or sentences by language. Required unless O(state=off).
    type: raw
  until:
    description: When it is over, as announced, with the time zone; for example V(2026-12-01T18:00+01:00).
    type: str
    default: ""
  manifest:
    description: Path of the manifest that the hub reads, without O(config_map). The announcement is beside it.
    type: path
    default: /etc/gaia-vre/manifest.json
"""

EXAMPLES = r"""
- name: No new session starts
  gaia_data.vre.hub_notice:
    state: drain
    text: {en: Maintenance on Friday., fr: Maintenance vendredi.}

- name: All is as usual again, on a hub in a cluster
  gaia_data.vre.hub_notice:
    state: "off"
    config_map: gaia-vre
    namespace: jupyterhub
"""

RETURN = r"""
path:
  description: Where the announcement is; the key of a ConfigMap in words.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.gaia_data.vre.plugins.module_utils import _config_map, _notice
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._state import NOTICE, Texts


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": list(_notice.STATES), "required": True},
            "text": {"type": "raw"},
            "until": {"type": "str", "default": ""},
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            **_config_map.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        text = _notice.compose(params["state"], params["text"], params["until"])
        state = _config_map.of(module, params["manifest"])

        def told(_before: Texts) -> tuple[dict[str, str | None], None]:
            return {NOTICE: text}, None

        change = state.change(told, module.check_mode)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        place = state.place(NOTICE)
        module.exit_json(changed=change.changed, path=place, diff=change.diff(place, NOTICE))


if __name__ == "__main__":
    main()
