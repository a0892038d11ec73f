# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to a cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """The shared options."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of the kubeconfig of the cluster, on the host that runs the module.
      - Without it the client looks at its usual places, E(KUBECONFIG) and C(~/.kube/config).
    type: path
  context:
    description: Context of the kubeconfig; without it the current one.
    type: str
  namespace:
    description: Namespace of the hub and its sessions.
    type: str
    default: jupyterhub
notes:
  - While the cluster's API server starts again, a request to it is made again for two minutes.
requirements:
  - kubernetes (the client, from PyPI) 24.2 or newer for the Python that runs the module, where it talks to a cluster
"""
