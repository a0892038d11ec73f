# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to registries."""

from __future__ import annotations


class ModuleDocFragment:
    """The shared options."""

    DOCUMENTATION = r"""
options:
  registries:
    description:
      - How to reach registries, by host (with its port, if it has one).
      - A host that is not listed is reached by https, with the system's authorities and the login of
        O(authfile).
    type: dict
    default: {}
  authfile:
    description:
      - File with logins, as C(skopeo login) writes it.
      - Without it skopeo looks at its usual places.
    type: path
notes:
  - Keys below a host in O(registries) are C(username), C(password), C(ca_file), C(plain_http) and C(mirrors).
  - C(ca_file) is the path of a PEM file on the host that runs the module.
  - With C(plain_http) (a boolean, C(false) by default) the registry is trusted without a certificate.
  - C(mirrors) is a list of places to ask first, such as C(mirror.example.org/vre).
requirements:
  - skopeo on the host that runs the module
"""
