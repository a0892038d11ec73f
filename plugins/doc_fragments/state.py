# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that reads or writes what the hub reads."""

from __future__ import annotations


class ModuleDocFragment:
    """The shared options."""

    DOCUMENTATION = r"""
options:
  config_map:
    description:
      - Name of the ConfigMap with what the hub reads, where the hub runs on a cluster.
      - Without it that is in files on the host that runs the module.
    type: str
"""
