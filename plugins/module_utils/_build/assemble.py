# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a definition to an OCI layout: business images hold environments, system images Debian and Jupyter."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract
from ansible_collections.gaia_data.vre.plugins.module_utils._build import (
    bytecode,
    contract,
    debian,
    install,
    layers,
    oci,
    solve,
)
from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import BASE, ImageDefinition, members
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

if TYPE_CHECKING:
    from rattler import RepoDataRecord

PLATFORMS = {"linux/amd64": "linux-64"}
LABEL_DESCRIPTION = "org.opencontainers.image.description"
LABEL_DOCUMENTATION = "org.opencontainers.image.documentation"
# Enters the digest of inputs: raise it when the same definition must give another image.
RECIPE = "2"
CONDA = "/opt/conda"
PATH = f"{CONDA}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Plan:
    """A definition with its environments solved; ``inputs`` changes when the image would."""

    definition: ImageDefinition
    platform: str
    records: dict[str, list[RepoDataRecord]]
    inputs: str
    base: debian.Debian | None = None

    @property
    def where(self) -> str:
        """For messages."""
        return str(self.definition.folder)

    def packages(self) -> dict[str, dict[str, str]]:
        """Versions of the requested packages by environment."""
        return {
            env.name: contract.packages(self.records[env.name], solve.requested(env))
            for env in self.definition.environments
        }


def plan(
    definition: ImageDefinition, channels: list[str], platform: str, cache: Path, base: debian.Debian | None = None
) -> Plan:
    """Solve the environments of a definition.

    :param channels: URLs of conda channels, most wanted first.
    :param platform: e.g. ``linux/amd64``.
    :param base: what a system image is made from.
    """
    if platform not in PLATFORMS:
        raise VreError("the platform is not supported", "platform", platform, f"use one of {', '.join(PLATFORMS)}")
    records = {env.name: solve.solve(env, channels, PLATFORMS[platform], cache) for env in definition.environments}
    inputs = definition.digest(
        recipe=RECIPE,
        platform=platform,
        suite=base.suite if base else "",
        records={name: [_identity(record) for record in found] for name, found in records.items()},
    )
    return Plan(definition, platform, records, inputs, base)


def _identity(record: RepoDataRecord) -> str:
    digest = record.sha256.hex() if record.sha256 else ""
    return f"{record.name.normalized}-{record.version}-{record.build} {digest}"


def labels(planned: Plan, environments: dict[str, Any]) -> dict[str, str]:
    """The contract's labels, checked."""
    definition = planned.definition
    found = {
        _contract.LABEL_CONTRACT: _contract.VERSION,
        _contract.LABEL_KIND: definition.kind,
        _contract.LABEL_PLATFORM: planned.platform,
        _contract.LABEL_INPUTS: planned.inputs,
        _contract.LABEL_TITLE: definition.title,
        _contract.LABEL_VERSION: definition.tag,
    }
    optional = {
        _contract.LABEL_LICENSES: definition.license,
        LABEL_DESCRIPTION: definition.description,
        LABEL_DOCUMENTATION: definition.documentation,
    }
    found.update({label: text for label, text in optional.items() if text})
    if definition.kind == "business":
        found[_contract.LABEL_MOUNT_PATH] = _contract.mount_path(definition.name)
        found[_contract.LABEL_ENVIRONMENTS] = json.dumps(environments, sort_keys=True, separators=(",", ":"))
    contract.check_labels(found, planned.where)
    return found


def build_business(planned: Plan, work: Path, cache: Path) -> tuple[Path, str]:
    """Build a business image below ``work``; gives the OCI layout's folder and the manifest's digest."""
    definition = planned.definition
    mount = _contract.mount_path(definition.name)
    root = work / "root"
    environments: dict[str, Any] = {}
    packages = planned.packages()
    prefixes = [root / "envs" / env.name for env in definition.environments]
    for env, prefix in zip(definition.environments, prefixes):
        final = f"{mount}/envs/{env.name}"
        install.install(env, planned.records[env.name], prefix, final, PLATFORMS[planned.platform], cache)
        environments[env.name] = {"kernels": contract.kernels(prefix, final), "packages": packages[env.name]}
        bytecode.compile_modules(prefix, mount, root)
    contract.check_links(root, mount)
    config = oci.ImageConfig(labels(planned, environments), architecture=_architecture(planned.platform))
    layout = oci.Layout(work / "layout")
    written = [layout.layer(members) for members in layers.split(root, prefixes)]
    return layout.folder, layout.finish(written, config)


def build_system(planned: Plan, work: Path, cache: Path) -> tuple[Path, str]:
    """Build a system image below ``work``; gives the OCI layout's folder and the manifest's digest."""
    definition = planned.definition
    if planned.base is None:
        raise VreError("a system image needs a Debian suite", planned.where, None, "set build_suite")
    config = oci.ImageConfig(
        labels(planned, {}),
        architecture=_architecture(planned.platform),
        entrypoint=("tini", "-g", "--"),
        command=definition.command,
        environment={"PATH": PATH, **definition.variables},
        user=str(debian.USER_ID),
        working_dir=f"/{debian.HOME}",
    )
    base, root = work / "base", work / "root"
    prefix = root / CONDA.lstrip("/")
    debian.make(planned.base, definition.packages, base, planned.where)
    for env in definition.environments:
        install.install(env, planned.records[BASE], prefix, CONDA, PLATFORMS[planned.platform], cache)
        bytecode.compile_modules(prefix, CONDA, prefix)
    (root / _contract.MOUNT_ROOT.lstrip("/")).mkdir(parents=True)
    if definition.files is not None:
        _copy(definition.files, root)
    layout = oci.Layout(work / "layout")
    written = [layout.layer(oci.tree(base), {debian.HOME: debian.USER_ID})]
    written += [layout.layer(members) for members in layers.split(root, [prefix])]
    return layout.folder, layout.finish(written, config)


def _copy(files: Path, root: Path) -> None:
    """The definition's own files, in place of what packages brought."""
    for name, file in members(files):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a hard link into the package cache must not be written to
        shutil.copy2(file, target, follow_symlinks=False)


def _architecture(platform: str) -> str:
    return platform.split("/")[1]
