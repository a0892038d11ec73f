#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a real session and run a line in every kernel of given images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: session_check
short_description: Start a real session and run a line in every kernel of given images
version_added: 0.1.0
description:
  - Starts a session of the check's own user through the hub's REST API, as a service with the smallest scopes.
  - Lists its kernelspecs, starts every kernel that the manifest promises, runs a line in each and stops the session,
    also after a failure.
  - A kernel that fails is a row with its error, not a failure of the module. So is each kernel of a session that does
    not start.
author:
  - Gaia Data (@gaia-data)
attributes:
  check_mode:
    description: Starts no session; says which kernels it would try.
    support: full
  diff_mode:
    description: Nothing that lasts is changed.
    support: none
requirements:
  - websocket-client for the Python that runs the module
options:
  hub_url:
    description: The hub's public address, without C(/hub).
    type: str
    required: true
  token_file:
    description: File with the token of the check's service, on the host that runs the module.
    type: path
    default: /etc/gaia-vre/secrets/check_token
  user:
    description: The check's own user.
    type: str
    default: gaia-vre-check
  manifest:
    description: Path of the manifest that the hub reads, on the host that runs the module.
    type: path
    default: /etc/gaia-vre/manifest.json
  system:
    description: Name of the system image.
    type: str
    required: true
  images:
    description: Names of the business images to mount.
    type: list
    elements: str
    required: true
  candidates:
    description: Names of images, the system image included, of which the candidate is taken and not what is offered.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that the session may take to be ready, and each kernel to answer.
    type: int
    default: 120
  ca_file:
    description: PEM file of the authority that signed the hub's certificate, if it is not one of the system's.
    type: path
"""

EXAMPLES = r"""
- name: Try every kernel of two images
  gaia_data.vre.session_check:
    hub_url: https://hub.example.org
    system: lab
    images: [ocean, atmosphere]
"""

RETURN = r"""
results:
  description: A row for each kernel that the manifest promises.
  type: list
  elements: dict
  returned: success
  contains:
    image:
      description: Name of the business image.
      type: str
    environment:
      description: Name of the environment.
      type: str
    kernel:
      description: Name of the kernel in notebooks.
      type: str
    ok:
      description: Whether it started and ran its line.
      type: bool
    seconds:
      description: Seconds from its start to its end.
      type: float
    language:
      description: Its language.
      type: str
    version:
      description: Version of its language.
      type: str
    error:
      description: What went wrong; empty when it is ok.
      type: str
launch_seconds:
  description: Seconds from the request to the session's being ready.
  type: float
  returned: success
error:
  description: Why the session did not start; empty when it did.
  type: str
  returned: success
first_list_seconds:
  description: Seconds of the first listing of kernelspecs.
  type: float
  returned: success
"""

import importlib

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.gaia_data.vre.plugins.module_utils import _check
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Hub, Report, Row, check_session


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "hub_url": {"type": "str", "required": True},
            "token_file": {"type": "path", "default": "/etc/gaia-vre/secrets/check_token", "no_log": False},
            "user": {"type": "str", "default": "gaia-vre-check"},
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "system": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
            "candidates": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 120},
            "ca_file": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        importlib.import_module("websocket")
    except ImportError as error:
        module.fail_json(msg=missing_required_lib("websocket-client"), exception=str(error))
    try:
        expected = _check.expected(params["manifest"], params["images"], params["candidates"])
        if module.check_mode:
            rows = [Row(item.image, item.environment, item.kernel) for item in expected]
            module.exit_json(changed=False, **Report(rows=rows).result())
        hub = Hub(
            params["hub_url"], params["user"], _check.token(params["token_file"]), params["timeout"], params["ca_file"]
        )
        options = _check.options(params["system"], params["images"], params["candidates"])
        report = check_session(hub, options, expected)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, **report.result())


if __name__ == "__main__":
    main()
