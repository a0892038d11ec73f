# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a definition to an OCI layout: business images hold environments, system images Debian and Jupyter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._build import environment, oci
from ansible_collections.gaia_data.vre.plugins.module_utils._build.definition import ImageDefinition
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

PREFIX = "org.gaia-data.vre."
INPUTS = PREFIX + "inputs"
CONTRACT = "1"
PLATFORMS = {"linux/amd64": "linux-64"}
USER_ID = 1000
HOME = "home/vre"
# Enters the digest of inputs: raise it when the same definition must give another image.
RECIPE = "1"


@dataclass(frozen=True)
class Debian:
    """Where the base of a system image comes from.

    :param suite: e.g. ``trixie``.
    :param mirror: URL, or an empty text for mmdebstrap's own default.
    :param apt_options: lines as in ``apt.conf``.
    """

    suite: str
    mirror: str = ""
    apt_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A definition with its environments solved; ``inputs`` changes when the image would."""

    definition: ImageDefinition
    platform: str
    records: dict[str, list[Any]]
    inputs: str
    debian: Debian | None = None


def plan(definition: ImageDefinition, channels: list[str], platform: str, debian: Debian | None = None) -> Plan:
    """Solve the environments of a definition.

    :param channels: URLs of conda channels, most wanted first.
    :param platform: e.g. ``linux/amd64``.
    :param debian: what a system image is made from.
    """
    if platform not in PLATFORMS:
        raise VreError("the platform is not supported", value=platform, remedy=f"use one of {', '.join(PLATFORMS)}")
    records: dict[str, list[Any]] = {}
    for env in definition.environments:
        try:
            records[env.name] = environment.solve(channels, list(env.specs), PLATFORMS[platform])
        except VreError as error:
            where = f"{definition.folder}: environment {env.name}"
            raise VreError(error.message, where=where, value=list(env.specs), remedy=error.remedy) from error
    inputs = definition.digest(
        recipe=RECIPE,
        platform=platform,
        suite=debian.suite if debian else "",
        records={name: sorted(_identity(record) for record in found) for name, found in records.items()},
    )
    return Plan(definition, platform, records, inputs, debian)


def _identity(record: Any) -> str:
    digest = record.sha256.hex() if record.sha256 else ""
    return f"{record.name.normalized}-{record.version}-{record.build} {digest}"


def labels(planned: Plan, environments: dict[str, Any]) -> dict[str, str]:
    """The contract's labels."""
    definition = planned.definition
    found = {
        PREFIX + "contract": CONTRACT,
        PREFIX + "kind": definition.kind,
        PREFIX + "platform": planned.platform,
        INPUTS: planned.inputs,
        "org.opencontainers.image.title": definition.title,
        "org.opencontainers.image.version": definition.tag,
    }
    if definition.license:
        found["org.opencontainers.image.licenses"] = definition.license
    if definition.kind == "business":
        found[PREFIX + "mount-path"] = f"/opt/gaia/{definition.name}"
        found[PREFIX + "environments"] = json.dumps(environments, sort_keys=True, separators=(",", ":"))
    return found


def describe(planned: Plan, name: str, prefix: Path) -> dict[str, Any]:
    """What the ``environments`` label says of one environment.

    :raises VreError: when it brings no kernel.
    """
    kernels = {}
    for file in sorted(prefix.glob("share/jupyter/kernels/*/kernel.json")):
        spec = json.loads(file.read_text(encoding="utf-8"))
        kernels[file.parent.name] = {"language": spec["language"], "display_name": spec["display_name"]}
    if not kernels:
        raise VreError(
            f"environment {name} has no kernel in share/jupyter/kernels",
            where=str(planned.definition.folder),
            remedy="add a kernel to its dependencies, for Python ipykernel",
        )
    wanted = {
        spec.split()[0].split("=")[0].lower()
        for env in planned.definition.environments
        if env.name == name
        for spec in env.specs
    }
    packages = {
        record.name.normalized: str(record.version)
        for record in planned.records[name]
        if record.name.normalized in wanted | {"python"}
    }
    return {"kernels": kernels, "packages": packages}


def build_business(planned: Plan, work: Path, cache: Path) -> tuple[Path, str]:
    """Build a business image below ``work``; gives the OCI layout's folder and the manifest's digest."""
    definition = planned.definition
    mount = f"/opt/gaia/{definition.name}"
    root = work / "root"
    described: dict[str, Any] = {}
    for env in definition.environments:
        prefix = root / "envs" / env.name
        _install(planned, env.name, prefix, f"{mount}/envs/{env.name}", cache)
        described[env.name] = describe(planned, env.name, prefix)
        environment.compile_bytecode(prefix, mount, root)
    layout = oci.Layout(work / "layout")
    layer = layout.layer(oci.tree(root))
    config = oci.ImageConfig(labels(planned, described), architecture=_architecture(planned.platform))
    return layout.folder, layout.finish([layer], config)


def build_system(planned: Plan, work: Path, cache: Path) -> tuple[Path, str]:
    """Build a system image below ``work``; gives the OCI layout's folder and the manifest's digest."""
    definition = planned.definition
    base, conda = work / "base", work / "conda"
    if planned.debian is None:
        raise VreError("a system image needs a Debian suite", where=str(definition.folder), remedy="set build_suite")
    _debian(planned.debian, definition, base)
    prefix = conda / "opt" / "conda"
    _install(planned, "base", prefix, "/opt/conda", cache)
    environment.compile_bytecode(prefix, "/opt/conda", prefix)
    (conda / "opt" / "gaia").mkdir()
    if definition.files is not None:
        shutil.copytree(definition.files, conda, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    layout = oci.Layout(work / "layout")
    layers = [layout.layer(oci.tree(base), {HOME: USER_ID}), layout.layer(oci.tree(conda))]
    config = oci.ImageConfig(
        labels(planned, {}),
        architecture=_architecture(planned.platform),
        entrypoint=("tini", "-g", "--"),
        command=definition.command,
        environment={
            **definition.environment_variables,
            "PATH": "/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        },
        user=str(USER_ID),
        working_dir=f"/{HOME}",
    )
    return layout.folder, layout.finish(layers, config)


def _architecture(platform: str) -> str:
    return platform.split("/")[1]


def _install(planned: Plan, name: str, prefix: Path, final: str, cache: Path) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    environment.install(planned.records[name], prefix, final, PLATFORMS[planned.platform], cache)
    environment.tidy(prefix)


def _debian(debian: Debian, definition: ImageDefinition, root: Path) -> None:
    """A minimal Debian, without package manager, documentation or anything that names the builder."""
    argv = [
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        *(f"--aptopt={option}" for option in debian.apt_options),
        f"--include={','.join(definition.packages)}",
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info", "lintian")),
        debian.suite,
        str(root),
        *([debian.mirror] if debian.mirror else []),
    ]
    # Not run_command: there is no module here, and the tests run it without one.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        argv, capture_output=True, text=True, check=False, env={**os.environ, "SOURCE_DATE_EPOCH": "0"}
    )
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("E:")][-3:]
        raise VreError(
            f"mmdebstrap could not make Debian {debian.suite}: {' / '.join(words)}",
            where=str(definition.folder),
            remedy="check build_suite, build_mirror, build_apt_options and the names in packages",
        )
    for path in ("dev", "var/log", "var/cache", "var/lib/apt", "run", "tmp"):
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir(parents=True)
    for path in ("etc/hostname", "etc/resolv.conf", "etc/machine-id"):
        (root / path).unlink(missing_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / HOME).mkdir(parents=True)
    with (root / "etc/passwd").open("a") as file:
        file.write(f"vre:x:{USER_ID}:{USER_ID}::/{HOME}:/bin/bash\n")
    with (root / "etc/group").open("a") as file:
        file.write(f"vre:x:{USER_ID}:\n")
