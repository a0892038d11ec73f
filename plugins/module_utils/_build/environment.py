# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda environments at their final prefix, without being there: solve, install, tidy, compile."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

# Minimal system of the image contract: what packages may ask of the system image.
GLIBC = "2.28"
FROZEN = {"message": "This environment is part of an image and read-only. Ask for a new version of the image."}


def solve(channels: list[str], specs: list[str], platform: str) -> list[object]:
    """The records that satisfy ``specs``.

    :raises VreError: with the solver's own explanation.
    """
    from rattler import (
        Channel,
        Gateway,
        GenericVirtualPackage,
        MatchSpec,
        PackageName,
        Subdir,
        SourceConfig,
        Version,
    )
    from rattler import solve as rattler_solve
    from rattler.package.build_string import BuildString

    # What the image contract promises of a system image.
    virtual = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, version, build in (
            ("__glibc", GLIBC, "0"),
            ("__unix", "0", "0"),
            ("__linux", "5.0", "0"),
            ("__archspec", "1", "x86_64"),
        )
    ]

    async def run() -> list[object]:
        # Sharded repodata breaks on plain static servers at the second solve (304 Not Modified).
        gateway = Gateway(default_config=SourceConfig(sharded_enabled=False))
        return list(
            await rattler_solve(
                sources=[Channel(url) for url in channels],
                specs=[MatchSpec(spec) for spec in specs],
                gateway=gateway,
                platforms=[Subdir(platform), Subdir("noarch")],
                virtual_packages=virtual,
            )
        )

    try:
        return asyncio.run(run())
    except Exception as error:  # py-rattler's errors have no common base
        raise VreError(
            f"the environment cannot be solved: {error}",
            remedy="loosen the packages in environment.yml, or add the channel that has them",
        ) from error


def install(records: list[object], stage: Path, final: str, platform: str, cache: Path) -> None:
    """Install ``records`` to ``stage`` as if it were ``final``."""
    from rattler import Subdir
    from rattler import install as rattler_install

    asyncio.run(
        rattler_install(
            records,  # type: ignore[arg-type]
            target_prefix=stage,
            alternative_target_prefix=final,
            platform=Subdir(platform),
            cache_dir=cache,
            execute_link_scripts=False,
            show_progress=False,
        )
    )


def tidy(stage: Path) -> None:
    """Drop what names the builder or its time; add what conda's tools expect of an environment."""
    meta = stage / "conda-meta"
    for file in sorted(meta.glob("*.json")):
        record = json.loads(file.read_text())
        record.pop("extracted_package_dir", None)
        record.pop("package_tarball_full_path", None)
        record.get("link", {}).pop("source", None)
        file.unlink()  # a hard link into the package cache must not be edited in place
        file.write_text(json.dumps(record, sort_keys=True, indent=1))
    for name, text in (("history", ""), ("frozen", json.dumps(FROZEN))):
        (meta / name).unlink(missing_ok=True)
        (meta / name).write_text(text)
    (stage / "CACHEDIR.TAG").unlink(missing_ok=True)
    for cached in stage.rglob("__pycache__"):
        shutil.rmtree(cached)


def compile_bytecode(stage: Path, mount: str, root: Path) -> None:
    """Compile every module at its final path, with hashes: an image's times would make other bytecode stale.

    :param stage: the environment below ``root``.
    :param mount: where ``root`` will be mounted.
    """
    inner = f"{mount}/{stage.relative_to(root).as_posix()}" if stage != root else mount
    python = stage / "bin" / "python"
    if not python.exists():
        return
    library = next((p for p in sorted((stage / "lib").glob("python3.*"))), None)
    if library is None:
        raise VreError(f"{inner} has bin/python but no lib/python3.*")
    argv = [
        "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
        *(word for name in ("tmp", "opt") for word in ("--tmpfs", f"/{name}")),
        "--bind", str(root), mount, "--unshare-all", "--die-with-parent", "--clearenv",
        "--setenv", "PYTHONHASHSEED", "0", "--setenv", "PYTHONDONTWRITEBYTECODE", "1",
        f"{inner}/bin/python", "-m", "compileall", "-q", "-f", "-j", "2",
        "--invalidation-mode", "unchecked-hash", f"{inner}/lib/{library.name}",
    ]  # fmt: skip
    # Not run_command: there is no module here, and the tests run it without one.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        argv, capture_output=True, text=True, check=False)
    if done.returncode and "SyntaxError" not in done.stdout:
        raise VreError(f"bytecode of {inner} could not be compiled: {(done.stderr or done.stdout).strip()[-500:]}")
