#!/usr/bin/python
# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start real sessions and run a line in every kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: session_check
short_description: Start real sessions and run a line in every kernel
version_added: 0.1.0
description:
  - Starts sessions of the check's own user through the hub's REST API, as a service with the smallest scopes, with the
    images that the manifest has as candidates or offers. All images go into as few sessions as possible; those of a
    session that does not start are tried alone.
  - Starts every kernel that the manifest promises, runs a line in each and stops the session, also after a failure.
  - A kernel that fails is a row with its error and its last lines, not a failure of the module.
  - A session whose job stays in the queue of a busy cluster says nothing about its images, and nothing is recorded.
  - Writes what it found beside the manifest, where the hub reads it for the launch page and its metrics.
author:
  - Gaia Data (@gaia-data)
extends_documentation_fragment:
  - gaia_data.vre.state
  - gaia_data.vre.cluster
attributes:
  check_mode:
    description: Starts no session and writes nothing; says which kernels it would try.
    support: full
  diff_mode:
    description: The results are a record, not a state.
    support: none
requirements:
  - websocket-client for the Python that runs the module
options:
  scope:
    description: Try what is new, or what is on offer.
    type: str
    choices: [candidates, offered]
    default: candidates
  hub_url:
    description: The hub's public address, without C(/hub).
    type: str
    required: true
  token_file:
    description: File with the token of the check's service, on the host that runs the module, without O(config_map).
    type: path
    default: /etc/gaia-vre/secrets/check_token
  token_secret:
    description:
      - With O(config_map), name of the hub's Secret, where Zero to JupyterHub keeps the tokens of services.
      - The check's service is C(gaia-vre-check).
    type: str
    default: hub
  user:
    description: The check's own user.
    type: str
    default: gaia-vre-check
  manifest:
    description:
      - Path of the manifest that the hub reads, on the host that runs the module, without O(config_map).
      - The results go into C(checks.json) beside it.
    type: path
    default: /etc/gaia-vre/manifest.json
  timeout:
    description: Seconds that a session may take to be ready, and each kernel to answer.
    type: int
    default: 120
  parallel:
    description: How many kernels start at a time.
    type: int
    default: 4
  patience:
    description: Minutes that all kernels of one image may take; what is left of it then fails.
    type: int
    default: 10
  ca_file:
    description: PEM file of the authority that signed the hub's certificate, if it is not one of the system's.
    type: path
"""

EXAMPLES = r"""
- name: Try every kernel on offer
  gaia_data.vre.session_check:
    hub_url: https://hub.example.org
    scope: offered

- name: The same for a hub on a cluster
  gaia_data.vre.session_check:
    hub_url: https://hub.example.org
    scope: offered
    config_map: gaia-vre
    namespace: jupyterhub
"""

RETURN = r"""
sessions:
  description: What became of each session; none when there was nothing to try.
  type: list
  elements: dict
  returned: success
  contains:
    system:
      description: Name of the system image.
      type: str
    images:
      description: Names of the business images in it.
      type: list
      elements: str
    candidates:
      description: Names of images of which the candidate was taken.
      type: list
      elements: str
    launch_seconds:
      description: Seconds from the request to the session's being ready; 0 when it never was.
      type: float
    first_list_seconds:
      description: Seconds of the first listing of kernelspecs.
      type: float
    error:
      description: Why the session did not start; empty when it did.
      type: str
    busy:
      description: Whether that is since its job stayed in the queue.
      type: bool
    results:
      description: A row for each kernel that the manifest promises.
      type: list
      elements: dict
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
          description: What went wrong, with the remedy; empty when it is ok.
          type: str
        last_lines:
          description: What the kernel printed at its end when it was started by hand; empty when it is ok.
          type: str
        starts:
          description: How many times it was started; 2 when it died at the first.
          type: int
promote:
  description: Digests of candidates all of whose kernels ran, by image name.
  type: dict
  returned: success
broken:
  description: Rows of what did not run.
  type: list
  elements: dict
  returned: success
unchecked:
  description: Names of images that were to be tried and were not, as the cluster was busy.
  type: list
  elements: str
  returned: success
report:
  description: Lines for a person.
  type: list
  elements: str
  returned: success
"""

import importlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.gaia_data.vre.plugins.module_utils import _check, _config_map
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Bounds, Hub
from ansible_collections.gaia_data.vre.plugins.module_utils._state import CHECKS, State, Texts


def _token(state: State, params: dict[str, Any]) -> str:
    if isinstance(state, _config_map.ConfigMap):
        return _config_map.token(state.cluster, params["token_secret"])
    return _check.token(params["token_file"])


def main() -> None:
    """Parse, call, report."""
    module = AnsibleModule(
        argument_spec={
            "scope": {"type": "str", "choices": ["candidates", "offered"], "default": "candidates"},
            "hub_url": {"type": "str", "required": True},
            "token_file": {"type": "path", "default": "/etc/gaia-vre/secrets/check_token", "no_log": False},
            "token_secret": {"type": "str", "default": "hub", "no_log": False},
            "user": {"type": "str", "default": "gaia-vre-check"},
            "manifest": {"type": "path", "default": "/etc/gaia-vre/manifest.json"},
            "timeout": {"type": "int", "default": 120},
            "parallel": {"type": "int", "default": 4},
            "patience": {"type": "int", "default": 10},
            "ca_file": {"type": "path"},
            **_config_map.argument_spec(),
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        importlib.import_module("websocket")
    except ImportError as error:
        module.fail_json(msg=missing_required_lib("websocket-client"), exception=str(error))
    try:
        state = _config_map.of(module, params["manifest"])
        hub = None
        if not module.check_mode:
            token = _token(state, params)
            module.no_log_values.add(token)
            hub = Hub(params["hub_url"], params["user"], token, params["timeout"], params["ca_file"])
        bounds = Bounds(params["parallel"], 60 * params["patience"])
        with _check.alone():
            data, outcome = _check.settled(state, params["scope"], hub, bounds)

            def recorded(before: Texts) -> tuple[dict[str, str], None]:
                return {CHECKS: _check.record(data, params["scope"], outcome, before.get(CHECKS, ""))}, None

            if hub is not None and outcome.results:
                state.change(recorded)
    except VreError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(
            changed=False,
            sessions=outcome.results,
            promote=outcome.promote,
            broken=outcome.failed,
            unchecked=outcome.unchecked,
            report=outcome.report,
        )


if __name__ == "__main__":
    main()
