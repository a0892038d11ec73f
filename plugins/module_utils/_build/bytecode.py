# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile an environment's Python modules at the path where it will be mounted, without being there and without root.

Files in an image have no times, so bytecode that is bound to times would be stale: it carries its source's hash
and is never checked again, as the image is read-only.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

WORKERS = 2
HIDDEN = ("--tmpfs", "/tmp", "--tmpfs", "/opt")  # noqa: S108 - inside the sandbox
UNCHECKED_HASH = 1  # PEP 552: hash-based, source not checked
# Runs in the environment's own Python. A process of its own for each package, always in the same state: what
# was compiled before would show in the bytecode, and a package's bytecode must not depend on its neighbours.
DRIVER = """
import json, os, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
groups, workers = json.load(sys.stdin)
running = failed = 0
for files in groups + [None] * workers:
    if running == workers or (files is None and running):
        failed |= os.wait()[1]
        running -= 1
    if files is not None:
        running += 1
        if os.fork() == 0:
            code = 1
            try:
                for path in files:
                    try:
                        py_compile.compile(path, doraise=True, invalidation_mode=mode)
                    except py_compile.PyCompileError:
                        pass
                code = 0
            finally:
                os._exit(code)
sys.exit(1 if failed else 0)
"""


def sources(stage: Path) -> list[list[str]]:
    """The modules of an environment, relative, grouped by the package that brought them."""
    groups: list[list[str]] = []
    for file in sorted((stage / "conda-meta").glob("*.json")):
        files = json.loads(file.read_text(encoding="utf-8")).get("files", [])
        group = sorted(name for name in files if name.startswith("lib/python3") and name.endswith(".py"))
        if group:
            groups.append(group)
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def compile_modules(stage: Path, mount: str, root: Path) -> int:
    """Compile every module; gives their number.

    :param stage: the environment, ``root`` or below it.
    :param mount: where ``root`` will be mounted; below ``/opt``.
    :raises VreError: when the environment's Python cannot run here, or left other bytecode.
    """
    inner = mount if stage == root else f"{mount}/{stage.relative_to(root).as_posix()}"
    groups = sources(stage)
    if not groups or not (stage / "bin" / "python").exists():
        return 0
    argv = [
        "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *HIDDEN,
        "--bind", str(root), mount, "--unshare-all", "--die-with-parent", "--clearenv", "--chdir", inner,
        "--setenv", "PYTHONHASHSEED", "0", "--setenv", "PYTHONDONTWRITEBYTECODE", "1",
        f"{inner}/bin/python", "-I", "-c", DRIVER,
    ]  # fmt: skip
    work = json.dumps([[[f"{inner}/{name}" for name in group] for group in groups], WORKERS])
    # Not run_command: there is no module here, and the tests run it without one.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        argv, input=work, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip()[-300:] or f"exit code {done.returncode}"
        remedy = "run bwrap --unshare-all --ro-bind / / true here: the builder needs user namespaces"
        raise VreError(f"the bytecode could not be compiled: {words}", inner, None, remedy)
    return _check(stage, inner)


def _check(stage: Path, inner: str) -> int:
    number = 0
    for file in stage.rglob("__pycache__/*.pyc"):
        with file.open("rb") as stream:
            flags = int.from_bytes(stream.read(8)[4:], "little")
        if flags != UNCHECKED_HASH:
            raise VreError("this bytecode is bound to a time", f"{inner}/{file.relative_to(stage)}")
        number += 1
    return number
