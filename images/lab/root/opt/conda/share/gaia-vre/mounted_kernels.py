"""Offer the kernels of mounted conda environments, at once and under the names of nb_conda_kernels.

nb_conda_kernels asks conda, which takes seconds at the first listing. A session's environments do not change,
so their kernelspecs are written once, before the server starts: a folder of small files on JUPYTER_PATH.
Where nb_conda_kernels is installed, it does the work and this steps aside.

Source of the names: nb_conda_kernels 2.5, ``CondaKernelSpecManager._all_specs``.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

RUNNER = "/usr/local/bin/gaia-vre-kernel"
log = logging.getLogger("gaia-vre")


def kernel_name(image: str, environment: str, kernel_dir: str) -> str:
    """The kernel's name in notebooks: ``conda-env-<image>-<environment>-<suffix>``."""
    suffix = {"python2": "py", "python3": "py", "ir": "r"}.get(kernel_dir, kernel_dir)
    name = unicodedata.normalize("NFKD", f"conda-env-{image}-{environment}-{suffix}")
    name = "".join(c for c in name if not unicodedata.combining(c))
    return re.sub(r"[^a-zA-Z0-9._\-]", "_", name)


def environments(envs_path: str) -> list[tuple[str, Path]]:
    """``(image, prefix)`` of each conda environment below the colon-separated ``envs`` folders."""
    found: list[tuple[str, Path]] = []
    for folder in filter(None, envs_path.split(":")):
        try:
            prefixes = sorted(Path(folder).iterdir())
        except OSError as error:
            log.warning("%s is not readable, its kernels are missing: %s", folder, error)
            continue
        found += [(Path(folder).parent.name, p) for p in prefixes if (p / "conda-meta" / "history").is_file()]
    return found


def kernelspec(image: str, prefix: Path, file: Path) -> dict[str, object]:
    """The spec in ``file``, started through the environment's activation."""
    spec = json.loads(file.read_text(encoding="utf-8"))
    label = image if image == prefix.name else f"{image}: {prefix.name}"
    return {
        **spec,
        "argv": [RUNNER, str(prefix), *spec["argv"]],
        "display_name": f"{spec['display_name'].removesuffix(' (ipykernel)')} [{label}]",
        "metadata": {
            **spec.get("metadata", {}),
            "conda_env_name": f"{image}-{prefix.name}",
            "conda_env_path": str(prefix),
            "conda_raw_kernel_name": file.parent.name,
        },
    }


def write_kernelspecs(envs_path: str, target: Path) -> list[str]:
    """Write a kernelspec for each kernel of the environments below ``target``; gives their names."""
    names: list[str] = []
    for image, prefix in environments(envs_path):
        for file in sorted(prefix.glob("share/jupyter/kernels/*/kernel.json")):
            try:
                spec = kernelspec(image, prefix, file)
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s is no kernelspec, the kernel is missing: %s", file, error)
                continue
            name = kernel_name(image, prefix.name, file.parent.name)
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
    """Write the kernelspecs to a folder of this session and put it on JUPYTER_PATH."""
    envs_path = os.environ.get("CONDA_ENVS_PATH", "")
    if not envs_path or importlib.util.find_spec("nb_conda_kernels"):
        return
    # The home may be read-only, full or shared between sessions; a fresh folder in /tmp is none of that.
    target = Path(tempfile.mkdtemp(prefix="gaia-vre-kernels-"))
    write_kernelspecs(envs_path, target)
    former = os.environ.get("JUPYTER_PATH", "")
    os.environ["JUPYTER_PATH"] = f"{target}:{former}" if former else str(target)
