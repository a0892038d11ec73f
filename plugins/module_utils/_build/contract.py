# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a built business image must be before anybody sees it: the image contract, asked of the files themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils import _contract
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError, VreErrors

NO_KERNEL = "add a kernel to its dependencies, for Python ipykernel"


def kernels(stage: Path, final: str) -> dict[str, dict[str, str]]:
    """The kernels of an environment by directory name, as the ``environments`` label has them.

    :param stage: where the environment is; ``final``: where it will be.
    :raises VreErrors: when there is none, or one could not start.
    """
    problems: list[VreError] = []
    found: dict[str, dict[str, str]] = {}
    for file in sorted(stage.glob("share/jupyter/kernels/*/kernel.json")):
        where = f"{final}/{file.relative_to(stage)}"
        try:
            spec = json.loads(file.read_text(encoding="utf-8"))
            found[file.parent.name] = {key: str(spec[key]) for key in ("display_name", "language")}
            program = str(spec["argv"][0])
        except (ValueError, LookupError, TypeError) as error:
            remedy = "mend the package that brings it"
            problems.append(VreError(f"this is no kernelspec: {error!r}", where, None, remedy))
            continue
        if not _is_there(program, stage, final):
            remedy = "mend the package that brings it: a program of the environment, by name or by its final path"
            problems.append(VreError("the kernel's program is not in the environment", where, program, remedy))
    if not found and not problems:
        problems.append(VreError("the environment has no kernel in share/jupyter/kernels", final, None, NO_KERNEL))
    if problems:
        raise VreErrors(problems)
    return found


def _is_there(program: str, stage: Path, final: str) -> bool:
    if "/" not in program:
        return os.access(stage / "bin" / program, os.X_OK)
    return program.startswith(f"{final}/") and os.access(stage / program[len(final) + 1 :], os.X_OK)


def check_links(root: Path, mount: str) -> None:
    """No symbolic link may lead to the builder.

    :raises VreErrors: naming the links, at most ten.
    """
    problems: list[VreError] = []
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder) / name
            if path.is_symlink():
                target = str(path.readlink())
                if target.startswith("/") and not target.startswith((f"{mount}/", "/dev/", "/proc/")):
                    inner = f"{mount}/{path.relative_to(root)}"
                    problems.append(VreError("the link leads out of the image", inner, target, "mend the package"))
    if problems:
        raise VreErrors(problems[:10])


def check_labels(labels: Mapping[str, str], where: str) -> None:
    """Our own labels, read as those read them who do not trust us.

    :raises VreErrors: naming the labels that would be refused at lock.
    """
    _contract.parse(labels, where)


def packages(records: list[Any], names: set[str]) -> dict[str, str]:
    """Versions of the packages that people ask for, and of Python."""
    wanted = names | {"python"}
    return {r.name.normalized: str(r.version) for r in records if r.name.normalized in wanted}
