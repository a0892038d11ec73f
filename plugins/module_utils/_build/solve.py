# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Solve conda environments: which packages of the channels satisfy what the author asked for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import EnvironmentDefinition
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

if TYPE_CHECKING:
    from rattler import MatchSpec, RepoDataRecord

# The least that the image contract promises of a system image and its host.
SYSTEM = (("__glibc", "2.28", "0"), ("__unix", "0", "0"), ("__linux", "5.0", "0"), ("__archspec", "1", "x86_64"))

LOGIN = re.compile(r"(?<=://)[^/@\s]+@|(?<=/t/)[^/\s]+")


def hidden(text: str) -> str:
    """``text`` without the logins and tokens of channels' URLs."""
    return LOGIN.sub(lambda found: "***@" if found[0].endswith("@") else "***", text)


def parse_specs(environment: EnvironmentDefinition) -> list[MatchSpec]:
    """The environment's specifications as py-rattler has them.

    :raises VreErrors: naming every one that is none.
    """
    from rattler import MatchSpec

    found: list[MatchSpec] = []
    problems: list[VreError] = []
    for spec in environment.specs:
        try:
            found.append(MatchSpec(spec))
        except Exception as error:  # noqa: BLE001 - py-rattler's errors have no common base
            remedy = "write a conda match specification, such as numpy>=2"
            problems.append(VreError(f"this is no dependency: {error}", environment.where, spec, remedy))
    if problems:
        raise VreErrors(problems)
    return found


def requested(environment: EnvironmentDefinition) -> set[str]:
    """Names of the packages that the author asked for."""
    return {spec.name.normalized for spec in parse_specs(environment)}


def solve(environment: EnvironmentDefinition, channels: list[str], platform: str, cache: Path) -> list[RepoDataRecord]:
    """The records that satisfy an environment, sorted by name.

    :param platform: conda's name, e.g. ``linux-64``.
    :param cache: where the channels' indexes are kept.
    :raises VreError: with the solver's own explanation.
    """
    specs = parse_specs(environment)
    try:
        records = asyncio.run(_solve(specs, channels, platform, cache))
    except Exception as error:  # py-rattler's errors have no common base
        if type(error).__name__ == "SolverError":
            message, remedy = f"the environment cannot be solved: {error}", "loosen the dependencies, or add a channel"
        else:
            message, remedy = f"the channels cannot be read: {error}", f"check the channels {', '.join(channels)}"
        raise VreError(hidden(message), environment.where, None, hidden(remedy)) from error
    return sorted(records, key=lambda record: record.name.normalized)


async def _solve(specs: list[MatchSpec], channels: list[str], platform: str, cache: Path) -> list[RepoDataRecord]:
    from rattler import Channel, Gateway, GenericVirtualPackage, PackageName, SourceConfig, Subdir, Version
    from rattler import solve as rattler_solve
    from rattler.package.build_string import BuildString

    system = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, version, build in SYSTEM
    ]
    # Sharded repodata breaks on plain static servers at the second solve (304 Not Modified).
    gateway = Gateway(cache_dir=cache, default_config=SourceConfig(sharded_enabled=False))
    return await rattler_solve(
        sources=[Channel(url) for url in channels],
        specs=specs,
        gateway=gateway,
        platforms=[Subdir(platform), Subdir("noarch")],
        virtual_packages=system,
    )
