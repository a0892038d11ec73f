"""Offer the kernels of mounted conda environments, at once and under the names of nb_conda_kernels.

nb_conda_kernels asks conda, which takes seconds at the first listing. A session's environments do not change,
so their kernelspecs are written once, before the server starts: a folder of small files on JUPYTER_PATH.
Where nb_conda_kernels is installed, it does the work and this steps aside.

Source of the names: nb_conda_kernels 2.5, ``CondaKernelSpecManager._all_envs`` and ``_all_specs``.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

RUNNER = "/usr/local/bin/gaia-vre-kernel"
# Says that this session's kernelspecs are written: servers read their configuration more than once.
MARK = "GAIA_VRE_KERNELS"
log = logging.getLogger("gaia-vre")


def kernel_name(image: str, environment: str, kernel_dir: str) -> str:
    """The kernel's name in notebooks: ``conda-env-<image>-<environment>-<suffix>``."""
    return _kernel_name(f"{image}-{environment}", kernel_dir)


def _kernel_name(label: str, kernel_dir: str) -> str:
    suffix = {"python2": "py", "python3": "py", "ir": "r"}.get(kernel_dir, kernel_dir)
    name = unicodedata.normalize("NFKD", f"conda-env-{label}-{suffix}")
    name = "".join(c for c in name if not unicodedata.combining(c))
    return re.sub(r"[^a-zA-Z0-9._\-]", "_", name)


def environments(envs_path: str) -> dict[str, Path]:
    """Prefix by label of each conda environment directly below the colon-separated folders.

    The label is ``<image>-<environment>`` where the folder is called ``envs``, as the contract has it, else the
    environment's name; a label that is taken gets a number.
    """
    found: dict[str, Path] = {}
    for folder in dict.fromkeys(filter(None, envs_path.split(":"))):
        try:
            prefixes = sorted(Path(folder).iterdir())
        except OSError as error:
            log.warning("%s cannot be read, its kernels are missing: %s", folder, error.strerror)
            continue
        for prefix in prefixes:
            if not (prefix / "conda-meta" / "history").is_file():
                continue
            parent = prefix.parent
            label = f"{parent.parent.name}-{prefix.name}" if parent.name == "envs" else prefix.name
            number = 2
            free = label
            while free in found:
                free, number = f"{label}-{number}", number + 1
            found[free] = prefix
    return found


def variables(prefix: Path) -> dict[str, str]:
    """Variables that conda sets at activation before it runs ``activate.d``: of packages, then of the environment."""
    found: dict[str, str] = {}
    for file in [*sorted(prefix.glob("etc/conda/env_vars.d/*.json")), prefix / "conda-meta" / "state"]:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            found.update(data.get("env_vars", {}) if file.name == "state" else data)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read, its variables are missing: %s", file, error)
    return {str(key): str(value) for key, value in found.items()}


def kernelspec(label: str, prefix: Path, file: Path) -> dict[str, object]:
    """The spec in ``file``, started through the environment's activation."""
    spec = json.loads(file.read_text(encoding="utf-8"))
    image = prefix.parent.parent.name
    shown = prefix.name if image == prefix.name else label.replace(f"{image}-", f"{image}: ", 1)
    return {
        **spec,
        "argv": [RUNNER, str(prefix), *spec["argv"]],
        "display_name": f"{spec['display_name'].removesuffix(' (ipykernel)')} [{shown}]",
        "env": {**variables(prefix), **spec.get("env", {})},
        "metadata": {
            **spec.get("metadata", {}),
            "conda_env_name": label,
            "conda_env_path": str(prefix),
            "conda_raw_kernel_name": file.parent.name,
        },
    }


def write_kernelspecs(envs_path: str, target: Path) -> list[str]:
    """Write a kernelspec for each kernel of the environments below ``target``; gives their names."""
    names: list[str] = []
    for label, prefix in environments(envs_path).items():
        for file in sorted(prefix.glob("share/jupyter/kernels/*/kernel.json")):
            try:
                spec = kernelspec(label, prefix, file)
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                log.warning("%s is no kernelspec, the kernel is missing: %r", file, error)
                continue
            name = _kernel_name(label, file.parent.name)
            folder = target / "kernels" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
            for resource in file.parent.iterdir():
                # Copies: the server hands out no link that leads out of the folder, and the launcher wants the logos.
                if resource != file and resource.is_file():
                    shutil.copyfile(resource, folder / resource.name)
            names.append(name)
    return names


def offer() -> None:
    """Write the kernelspecs to a folder of this session and put it on JUPYTER_PATH.

    Never keeps the server from starting: what fails is logged, and the other kernels are there.
    """
    envs_path = os.environ.get("CONDA_ENVS_PATH", "")
    if not envs_path or MARK in os.environ or importlib.util.find_spec("nb_conda_kernels"):
        return
    started = time.monotonic()
    try:
        # The home may be read-only, full or shared between sessions; a fresh temporary folder is none of that.
        target = Path(tempfile.mkdtemp(prefix="gaia-vre-kernels-"))
        names = write_kernelspecs(envs_path, target)
    except OSError as error:
        log.warning("no kernels of mounted environments: %s", error)
        return
    os.environ[MARK] = str(target)
    former = os.environ.get("JUPYTER_PATH", "")
    os.environ["JUPYTER_PATH"] = f"{target}:{former}" if former else str(target)
    atexit.register(_remove, target, os.getpid())
    milliseconds = (time.monotonic() - started) * 1000
    print(f"gaia-vre: {len(names)} kernels of mounted environments in {milliseconds:.0f} ms", file=sys.stderr)


def _remove(target: Path, owner: int) -> None:
    """Tidy up at the end of the server, not of a child that it forked."""
    if os.getpid() == owner:
        shutil.rmtree(target, ignore_errors=True)
