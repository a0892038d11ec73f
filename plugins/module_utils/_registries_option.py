# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``registries``: its argument spec, its checks, its secrets."""

from __future__ import annotations

from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

KEYS = {"username": str, "password": str, "ca_file": str, "plain_http": bool, "mirrors": list}


def argument_spec() -> dict[str, dict[str, Any]]:
    """The options of the doc fragment ``gaia_data.vre.registries``."""
    return {"registries": {"type": "dict", "default": {}}, "authfile": {"type": "path"}}


def check(module: Any) -> dict[str, dict[str, Any]]:
    """The option's value, checked; its passwords are hidden from the module's output.

    :raises VreErrors: with every key that is wrong.
    """
    problems: list[VreError] = []
    settings: dict[str, dict[str, Any]] = module.params["registries"]
    for host, options in settings.items():
        where = f"registries: {host}"
        if not isinstance(options, dict):
            problems.append(VreError("must be a mapping", where=where, value=type(options).__name__))
            continue
        for secret in (options.get("password"),):
            if secret:
                module.no_log_values.add(str(secret))
        for key, value in options.items():
            if key not in KEYS:
                remedy = f"known keys: {', '.join(sorted(KEYS))}"
                problems.append(VreError(f"unknown key {key}", where=where, remedy=remedy))
            elif value is not None and not isinstance(value, KEYS[key]):
                shown = None if key == "password" else value
                problems.append(VreError(f"{key} must be of type {KEYS[key].__name__}", where=where, value=shown))
    if problems:
        raise VreErrors(problems)
    return settings
