# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a cluster: their argument spec, and the cluster."""

from __future__ import annotations

import importlib.util
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.gaia_data.vre.plugins.module_utils._kubernetes import Cluster

NAMESPACE = "jupyterhub"


def argument_spec() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``gaia_data.vre.cluster``."""
    return {
        "kubeconfig": {"type": "path"},
        "context": {"type": "str"},
        "namespace": {"type": "str", "default": NAMESPACE},
    }


def opened(module: Any) -> Cluster:
    """The cluster that a module was given.

    :raises VreError: when its kubeconfig cannot be used.
    """
    if importlib.util.find_spec("kubernetes") is None:
        module.fail_json(msg=missing_required_lib("kubernetes"))
    params = module.params
    return Cluster.open(params["kubeconfig"], params["context"], params["namespace"])
